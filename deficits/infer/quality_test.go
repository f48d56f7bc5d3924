package infer

import (
	"fmt"
	"testing"
)

func TestTry(t *testing.T) {
	for _, d := range []design{usual(0, 300, 3), {persons: 60, areas: 2, elements: 12, tasks: same(3), correlation: .6, deviation: .7},
		{persons: 60, areas: 1, elements: 40, tasks: same(3), correlation: .6, deviation: .7},
		{persons: 300, areas: 2, elements: 12, tasks: func(e int) int { return 1 + e*5%8 }, correlation: .6, deviation: .7},
		{persons: 300, areas: 2, elements: 12, tasks: same(3), partial: true, correlation: .6, deviation: .7},
		{persons: 300, areas: 2, elements: 12, tasks: same(4), missing: .3, correlation: .6, deviation: .7},
		{persons: 300, areas: 1, elements: 12, tasks: same(3), correlation: .6, deviation: .7},
		{persons: 1000, areas: 8, elements: 40, tasks: same(3), correlation: .6, deviation: .7},
		{persons: 300, areas: 2, elements: 12, tasks: same(3), correlation: 0.1, deviation: .2},
		{persons: 300, areas: 2, elements: 12, tasks: same(3), correlation: .9, deviation: 1.5},
	} {
		var m, e, way, cov, worst, b, mb, sd float64
		const n = 8
		for seed := range uint64(1) {
			d.seed = 100 + seed
			s := d.stand()
			m += s.model.calibration / n
			e += s.exact.calibration / n
			b += s.binomial.brier / n
			mb += s.model.brier / n
			way += s.way / n
			cov += s.model.covered / n
			worst = max(worst, s.model.calibration)
			sd += s.fit.Elements[0].SD / n
		}
		fmt.Printf("%d x %d areas %d el, miss %.1f partial %v: calib model %.4f worst %.4f exact %.4f; way %.2f; brier %.4f bb %.4f; cover %.3f; sd0 %.2f\n", d.persons, d.areas, d.elements, d.missing, d.partial, m, worst, e, 100*way, mb, b, cov, sd)
	}
}
