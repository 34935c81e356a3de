"""Transfer of adversarial attacks in medical image analysis: specs and a store."""
