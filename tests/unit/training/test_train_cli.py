"""`beltmark-train`: what only some commands need is loaded by them alone."""

import subprocess
import sys

HEAVY = ("numpy", "cv2", "PIL", "yaml", "rich", "onnx", "onnxruntime", "sklearn", "mlflow", "torch")


def test_help_loads_no_library_that_only_some_commands_need() -> None:
    code = (
        "import sys\n"
        "from training.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: beltmark-train" in done.stdout
    assert done.stdout.endswith("loaded []\n")
