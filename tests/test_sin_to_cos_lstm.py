FEW = ['--iterations','3']
