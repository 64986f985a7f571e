"""Sessions that survive the networks they run on.

ice/        the ICE agent: it follows the network without signalling
"""
