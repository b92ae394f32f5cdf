# SPDX-License-Identifier: Apache-2.0
"""Labelled data to train and test with: scenes of pixels with spectra, images with masks."""
