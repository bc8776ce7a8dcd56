"""The Lambda functions: a module each, named as its folder under lambdas/."""
