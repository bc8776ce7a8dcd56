"""In which Region a bucket is."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_REGION = "x-amz-bucket-region"


def region_of(s3: "S3Client", bucket: str) -> str | None:
    """From a header that HeadBucket always has, whether it is allowed or not: no permission is
    needed. None when S3 does not say."""
    try:
        headers = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    except ClientError as error:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    except BotoCoreError:
        return None
    return headers.get(_REGION)
