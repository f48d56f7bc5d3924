package irt

import "math"

// The grid of the reference results: 61 points on [−6, 6].
const (
	DefaultNodes = 61
	GridEnd      = 6.0
)

// Nodes gives n equally spaced points from lo to hi, both included (n ≥ 2).
func Nodes(n int, lo, hi float64) []float64 {
	nodes := make([]float64, n)
	for i := range nodes {
		nodes[i] = lo + (hi-lo)*float64(i)/float64(n-1)
	}
	return nodes
}

// NormalWeights gives the normal density at the nodes, scaled to add up to 1.
// sd is above 0.
func NormalWeights(nodes []float64, mean, sd float64) []float64 {
	w := make([]float64, len(nodes))
	sum := 0.0
	for i, x := range nodes {
		z := (x - mean) / sd
		w[i] = math.Exp(-z * z / 2)
		sum += w[i]
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}
