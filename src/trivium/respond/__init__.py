"""What follows an alarm: incidents, retraining, rolling back."""
