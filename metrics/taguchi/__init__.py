"""Estimators of the Recognition-Taguchi family: MT, MTA, RT and the T methods."""
