package standard

import "math/rand/v2"

// resampled is the medians of so many samples of x, drawn with return, the same each time.
func resampled(x []float64, times int) []float64 {
	rng := rand.New(rand.NewPCG(1982, uint64(len(x))))
	out, sample := make([]float64, times), make([]float64, len(x))
	for t := range out {
		for i := range sample {
			sample[i] = x[rng.IntN(len(x))]
		}
		out[t] = median(sample)
	}
	return out
}
