"""What services of AWS do between Regions."""

from functools import cache

from aws_cdk.region_info import RegionInfo

from infra.places import Place


@cache
def is_opt_in(region: str) -> bool:
    """Whether accounts have to enable the Region before they use it: every Region launched after
    March 20, 2019 (AWS Account Management, "Enable or disable Regions"). CDK has the list; a Region
    that it does not know is newer, and so one of them."""
    found = RegionInfo.get(region)
    return found.is_opt_in_region or found.partition is None


def sns_principal(topic_region: str, home: Place) -> str:
    """Who SNS is to a queue at home when it brings messages of a topic in that Region.

    Where one of the two Regions has to be enabled by accounts, SNS comes under a name of that
    Region (Amazon SNS, "Sending messages to a queue or function in a different Region").
    """
    if home.region is None or topic_region == home.region:
        return "sns.amazonaws.com"
    for region in (topic_region, home.region):
        if is_opt_in(region):
            return f"sns.{region}.amazonaws.com"
    return "sns.amazonaws.com"


def is_delivered(topic_region: str, home: Place) -> bool:
    """Whether SNS brings a queue at home what a topic in that Region gets: not from one Region that
    accounts have to enable to another such Region."""
    if home.region is None or topic_region == home.region:
        return True
    return not (is_opt_in(topic_region) and is_opt_in(home.region))
