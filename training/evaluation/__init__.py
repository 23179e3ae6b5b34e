"""The steps of `evaluate.py`: what is compared (`rows`), on one study (`study`), in tables (`tables`) and pictures."""
