"""The Lambda functions: one module each, named after its folder under lambdas/."""
