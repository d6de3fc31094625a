"""The course's arithmetic in NumPy: convolution by im2col, and descent on a surface of two parameters."""
