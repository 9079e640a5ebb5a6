"""Whether a caller may send for a project, with the refusals of Google's front end."""

from dataclasses import dataclass

from devstack.sandbox.push.access_token import (
    AccessTokens,
    ExpiredTokenError,
    UnknownTokenError,
)
from devstack.sandbox.push.google_error import GoogleError, error_info
from devstack.sandbox.push.jwt_assertion import FCM_SCOPES

_EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_CHALLENGE = 'Bearer realm="https://accounts.google.com/"'


@dataclass(frozen=True, slots=True)
class FcmAccess:
    """Checks bearer tokens for the one project there is."""

    tokens: AccessTokens
    project: str

    def check(self, authorization: str | None, project: str) -> None:
        """Return when the caller may send; raise GoogleError 401 or 403 otherwise."""
        scheme, _, token = (authorization or "").partition(" ")
        if not authorization:
            raise GoogleError(
                401,
                f"Request is missing required authentication credential. {_EXPECTED}",
                (error_info("CREDENTIALS_MISSING"),),
                {"WWW-Authenticate": _CHALLENGE},
            )
        if scheme.lower() != "bearer":
            raise _invalid_credentials("ACCESS_TOKEN_TYPE_UNSUPPORTED")
        try:
            scopes = self.tokens.scopes(token.strip())
        except UnknownTokenError:
            raise _invalid_credentials("ACCESS_TOKEN_TYPE_UNSUPPORTED") from None
        except ExpiredTokenError:
            raise _invalid_credentials("ACCESS_TOKEN_EXPIRED") from None
        if not scopes & FCM_SCOPES:
            raise GoogleError(
                403,
                "Request had insufficient authentication scopes.",
                (error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),),
            )
        if project != self.project:
            resource = f"//cloudresourcemanager.googleapis.com/projects/{project}"
            raise GoogleError(
                403,
                "Permission 'cloudmessaging.messages.create' denied on resource "
                f"'{resource}' (or it may not exist).",
                (error_info("IAM_PERMISSION_DENIED", {"resource": f"projects/{project}"}),),
            )


def _invalid_credentials(reason: str) -> GoogleError:
    return GoogleError(
        401,
        f"Request had invalid authentication credentials. {_EXPECTED}",
        (error_info(reason),),
        {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
    )
