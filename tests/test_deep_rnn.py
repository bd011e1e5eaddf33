FEW = ["--iterations", "3", "--layers", "2"]
