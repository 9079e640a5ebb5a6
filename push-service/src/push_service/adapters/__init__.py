"""What touches the outside world for push: Google's OAuth server and FCM HTTP v1."""
