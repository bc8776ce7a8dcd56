"""Everything that speaks to AWS or reads what AWS wrote. The only package that uses boto3."""
