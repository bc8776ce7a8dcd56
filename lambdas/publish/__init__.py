"""Changes of status become events on an EventBridge bus."""
