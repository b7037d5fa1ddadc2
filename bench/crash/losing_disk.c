/* A library between a program and the system (LD_PRELOAD) that notes what would survive a power cut.

   Where a folder has a folder ".durable", each fsync or fdatasync of a file in it keeps a copy of the
   file there, by its inode, and each fsync of the folder itself keeps its names. Everything written
   since is what a power cut may lose; `power_cut.py` does so. Nothing else is changed. With
   LOSING_DISK_IS_DEAF set, nothing is kept: every sync is a lie. */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM (PATH_MAX + 64)

typedef int (*sync_call)(int);
typedef int (*open_call)(const char *, int, ...);

/* The folder of copies beside an open file, or within an open folder; 0 where there is none. */
static int store_of(int fd, const struct stat *st, char *store)
{
    char link[64], path[ROOM];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX);
    if (length <= 0)
        return 0;
    path[length] = 0;
    if (S_ISREG(st->st_mode)) {
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            return 0;
        *slash = 0;
    } else if (!S_ISDIR(st->st_mode)) {
        return 0;
    }
    snprintf(store, ROOM, "%.*s/.durable", PATH_MAX, path);
    return access(store, F_OK) == 0;
}

static int keep_content(int fd, const struct stat *st, const char *store)
{
    static __thread char block[65536];
    char draft[ROOM + 64], kept[ROOM + 64];
    snprintf(draft, sizeof draft, "%s/draft%d", store, (int)gettid());
    snprintf(kept, sizeof kept, "%s/i%lu", store, (unsigned long)st->st_ino);
    int out = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (out < 0)
        return -1;
    off_t at = 0;
    ssize_t got;
    while ((got = pread(fd, block, sizeof block, at)) > 0) {
        if (write(out, block, got) != got) {
            got = -1;
            break;
        }
        at += got;
    }
    close(out);
    return got < 0 ? -1 : rename(draft, kept);
}

static int keep_names(int fd, const char *store)
{
    char draft[ROOM + 64], kept[ROOM + 64];
    snprintf(draft, sizeof draft, "%s/draft%d", store, (int)gettid());
    snprintf(kept, sizeof kept, "%s/names", store);
    DIR *folder = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY));
    FILE *out = fopen(draft, "w");
    if (folder == NULL || out == NULL)
        return -1;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_type == DT_REG)
            fprintf(out, "%lu %s\n", (unsigned long)entry->d_ino, entry->d_name);
    closedir(folder);
    return fclose(out) ? -1 : rename(draft, kept);
}

static int note(int fd)
{
    char store[ROOM];
    struct stat st;
    if (getenv("LOSING_DISK_IS_DEAF") || fstat(fd, &st) || !store_of(fd, &st, store))
        return 0;
    int failed = S_ISDIR(st.st_mode) ? keep_names(fd, store) : keep_content(fd, &st, store);
    if (failed)
        errno = EIO;
    return failed;
}

int fsync(int fd)
{
    int failed = ((sync_call)dlsym(RTLD_NEXT, "fsync"))(fd);
    return failed ? failed : note(fd);
}

int fdatasync(int fd)
{
    int failed = ((sync_call)dlsym(RTLD_NEXT, "fdatasync"))(fd);
    return failed ? failed : note(fd);
}

/* A new file may have the inode of one that is gone: its copy must not stand for the new one. */
static int open_and_forget(const char *name, const char *path, int flags, mode_t mode)
{
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    int fd = ((open_call)dlsym(RTLD_NEXT, name))(path, flags, mode);
    char store[ROOM], kept[ROOM + 64];
    struct stat st;
    if (fd >= 0 && is_new && !fstat(fd, &st) && store_of(fd, &st, store)) {
        snprintf(kept, sizeof kept, "%s/i%lu", store, (unsigned long)st.st_ino);
        unlink(kept);
    }
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_and_forget("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_and_forget("open64", path, flags, mode);
}
