"""The one error that users are meant to see, and what can be done about those of the system."""

import errno

IN_VAIN = "Another attempt would end in the same way."
"""Said in the log, and there alone, of an error that is the user's to mend: Snakemake need not try again."""
_HINTS = {
    errno.ENAMETOOLONG: "shorten the names there, or move the study to a folder with a shorter path: most file "
    "systems allow 255 bytes for a name, and 4095 for a path",
    errno.ELOOP: "links there lead round in a circle, or one lies where none may: ls -l shows them",
    errno.ENOENT: "check the path, and that its disk is still mounted, then run again",
    errno.ENOTDIR: "a file lies where a folder should be: move it away, then run again",
    errno.EISDIR: "a folder lies where a file should be: move it away, then run again",
    errno.EACCES: "you may not read or write there: ls -ld shows whose it is, and who may",
    errno.EPERM: "the system forbids it there: ls -ld shows whose it is, and lsattr whether it may be changed at all",
    errno.EROFS: "that disk can only be read: give another folder, or have it mounted for writing",
    errno.EDQUOT: "your quota is used up (quota -s shows it): remove files there or ask for more, then run again",
    errno.ENOSPC: "the disk is full (df -h and df -i show it): make room there, then run again",
    errno.EFBIG: "the disk, or ulimit -f, allows no file of that size: give another folder, or raise the limit",
    errno.EMFILE: "too many files are open at a time: raise the limit (ulimit -n 4096), then run again",
    errno.ENFILE: "too many files are open on this machine: wait for other jobs, or ask its administrator",
    errno.ENOMEM: "the memory does not suffice: run fewer jobs at a time (--cores), or on a larger machine",
    errno.EIO: "the disk, or the way to it, is broken: dmesg may say more; try a copy on another disk",
    errno.ESTALE: "the file was replaced or removed on its server: run again, or mount that disk again",
    errno.ETIMEDOUT: "the server of that disk does not answer: run again when it does",
}
_NO_MEMORY = (
    "can't allocate memory",  # torch, of the machine's own memory
    "CUBLAS_STATUS_ALLOC_FAILED",
    "size calculation overflowed",  # torch, of more than any machine has
    "insufficient shared memory",  # torch, of what its loaders hand pictures over in
    "killed by signal: Killed",  # torch, of a loader that the kernel has ended
)


class SnowdriftError(Exception):
    """Something a user can mend: bad data, a bad setting, a missing file.

    Jobs print it without a traceback, so the message must name the file or key and what is wrong with it,
    and `hint` must say what to do.
    """

    passes = False
    """Whether it may be gone by itself when the job is tried again."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Pickle both parts, so that a worker process can hand the error over."""
        return type(self), (self.message, self.hint)

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}"


class PassingError(SnowdriftError):
    """One that may be gone by itself when the job is tried again."""

    passes = True


def hint_for(error: OSError) -> str:
    """What a user can do about an error of the system, by its number."""
    otherwise = "check that it is whole, and that you may read and write there, then run again"
    return otherwise if error.errno is None else _HINTS.get(error.errno, otherwise)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory has run out: a GPU's, the machine's, or that shared between processes."""
    # torch is not imported for this, since that takes seconds; it has a class of its own for a GPU's memory alone.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(words in str(error) for words in _NO_MEMORY)
    )
