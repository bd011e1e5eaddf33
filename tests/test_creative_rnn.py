FEW = ["--iterations", "3"]
