"""What schemathesis must be told beside the OpenAPI document."""

import schemathesis


@schemathesis.serializer("application/wasm")
def module(_context, value):
    """Modules are bytes, and what is made up here are wrong ones."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def filter_case(_context, case):
    """A parameter without a value counts as left out (RFC 6749 section 3.1), which a JSON
    Schema can't say."""
    without_value = ("", [], [""], {})
    return not any(value in without_value for value in (case.query or {}).values())
