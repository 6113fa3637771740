"""The product's story, one verb a file: each joins pure stages with the store."""
