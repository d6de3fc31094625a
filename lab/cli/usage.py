"""The refusal of a wrong command line, in the lab's form of sentence instead of the parser's own."""

from typing import Literal, get_args, get_origin

from cyclopts import CycloptsError
from cyclopts.exceptions import (
    CoercionError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from lab.checks import UsageError, choice, quoted


def refusal(error: CycloptsError) -> UsageError:
    """Return the refusal that a parser's error stands for: rule, what was received, what to do."""
    # A refusal by a value's own rule is passed on unchanged.
    if isinstance(error.__cause__, UsageError):
        return error.__cause__
    try:
        return UsageError(_sentence(error))
    except UsageError as by_choice:
        return by_choice


def _sentence(error: CycloptsError) -> str:
    """Return the sentence, or raise it where it is that of a choice."""
    command = " ".join(error.command_chain or ()) or "the script"
    match error:
        case UnknownOptionError():
            options = [name for one in error.argument_collection for name in one.names if name.startswith("-")]
            given = error.token.keyword or error.token.value
            if not options:
                return f"{command} takes no option, got {given!r}; leave it out"
            return choice(f"an option of {command}", given, options)
        case UnknownCommandError() if error.app is not None and error.unused_tokens:
            names = [name for name in error.app if not name.startswith("-")]
            return choice("the command", error.unused_tokens[0], names)
        case UnusedCliTokensError() if error.unused_tokens:
            return f"{command} takes no further argument, got {quoted(error.unused_tokens)}; leave it out"
        case RepeatArgumentError():
            return f"{error.token.keyword} must be given once, got it several times; leave one out"
        case MissingArgumentError() if error.argument is not None:
            option = error.keyword or next((token.keyword for token in error.argument.tokens if token.keyword), None)
            if option is None:
                return f"{command} must be followed by the {error.argument.name.lstrip('-')}, got nothing"
            return f"{option} must be followed by its value, got nothing"
        case CoercionError() if error.token is not None:
            if get_origin(error.target_type) is Literal:
                return choice(str(error.token.keyword), error.token.value, get_args(error.target_type))
            if error.target_type is bool:
                return f"{error.token.keyword} must be given without a value, got {error.token.value!r}; leave it out"
    return str(error)
