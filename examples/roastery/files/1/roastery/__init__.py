"""The roastery's order desk."""
