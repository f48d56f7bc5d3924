package irt

import "runtime"

// setProcs sets how many cores are used, and gives how many were.
func setProcs(n int) int { return runtime.GOMAXPROCS(n) }
