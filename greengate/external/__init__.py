"""What others say of one's emissions: exports of cloud providers and trackers, read strictly."""
