import numpy as np

from training.evaluate.parents import summed


def test_probabilities_of_the_classes_of_a_parent_add_up() -> None:
    given = np.array([[0.4, 0.3, 0.3], [0.5, 0.2, 0.1]], np.float32)
    assert (
        summed(given, np.array([0, 1, 1])).tolist() == np.float32([[0.4, 0.6], [0.5, 0.3]]).tolist()
    )
