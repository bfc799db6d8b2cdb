"""The one error that users are meant to see."""


class SnowdriftError(Exception):
    """Something a user can mend: bad data, a bad setting, a missing file.

    Jobs print it without a traceback, so the message must name the file or key and what is wrong with it,
    and `hint` must say what to do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Pickle both parts, so that a worker process can hand the error over."""
        return type(self), (self.message, self.hint)

    def __str__(self) -> str:
        return f"{self.message}\nHint: {self.hint}"
