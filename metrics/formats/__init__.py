"""Formats of files: suffixes, decoders and limits of pictures, and safetensors of strangers."""
