"""A run's identity: its declaration as JSON, and the id that follows from it, wherever its code is.

One file per question:

    declaration    a run as JSON, and its id
    sources        the code that a function of the user's own reaches, as one hash
      code         code as nested tuples, and the names, imports and texts in it
      names        whose a piece of code is, and what it is called
      origins      where code and constants come from: decorators, enclosing functions, imports, Keras's registry
      contents     what a constant holds that its code does not say
      environment  the environment variables that code reads
    files          files and folders by their content
    failures       where in the user's own code an exception was raised
"""

from lab.identity.declaration import NUMERICS, declare, hashed_once, identify

__all__ = ["NUMERICS", "declare", "hashed_once", "identify"]
