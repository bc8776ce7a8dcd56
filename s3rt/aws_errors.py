"""What an error of AWS, or of the way there, means for the caller, and what to do about it."""

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CALLER = frozenset(
    {
        "AuthFailure",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
)
_SIGNED_OUT = (aws.TokenRetrievalError, aws.SSOError, aws.UnauthorizedSSOTokenError)
_NO_WAY = (
    aws.EndpointConnectionError,
    aws.ConnectionError,
    aws.HTTPClientError,
    aws.ConnectTimeoutError,
    aws.ReadTimeoutError,
)


def explained(error: ClientError | BotoCoreError) -> str:
    """One line: what is wrong, and what to do."""
    if isinstance(error, ClientError):
        return _answered(error)
    if isinstance(error, _SIGNED_OUT):
        return f"the sign-in has expired ({error}); run `aws sso login`"
    if isinstance(error, _NO_CREDENTIALS):
        return "no AWS credentials; sign in, or name a profile in AWS_PROFILE"
    if isinstance(error, aws.ProfileNotFound):
        return f"{error}; correct AWS_PROFILE, or add the profile to your AWS configuration"
    if isinstance(error, aws.NoRegionError):
        return "the Region is not known; set AWS_REGION, or a region in your AWS profile"
    if isinstance(error, aws.InvalidRegionError):
        return f"{error}; correct AWS_REGION"
    if isinstance(error, _NO_WAY):
        return (
            f"AWS cannot be reached ({error}); check the network, the proxy, and the spelling of"
            " the Region"
        )
    return str(error)


def _answered(error: ClientError) -> str:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    if code in _EXPIRED:
        return "the AWS credentials have expired; sign in again"
    if code in _UNKNOWN_CALLER:
        return (
            f"AWS does not accept these credentials ({code}); check the profile, and the clock of"
            " this machine"
        )
    if "AccessDenied" in code or "Unauthorized" in code or code == "Forbidden":
        return f"AWS denies {error.operation_name} to these credentials: {message}"
    return str(error)
