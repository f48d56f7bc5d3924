package infer

import (
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// expect is the E-step at the model's parameters; it answers with the logarithm of
// the posterior density of the parameters (up to a constant).
func (f *fitting) expect() float64 {
	shapes, area, deviations := f.m.treeShape()
	for e := range deviations { // in the fit σ_e is what it is
		deviations[e].freedom = 0
	}
	f.tree = newTree(fitGrid, shapes, area, deviations)
	q, n := len(f.tree.theta), len(f.x)
	workers(len(f.tasks), func(i int) {
		t := f.tasks[i]
		room := make([]float64, len(t.item.D)+1)
		for j, x := range f.x {
			t.item.Probabilities(x, room)
			for k, p := range room {
				t.p[k*n+j] = max(p, 1e-100)
			}
		}
	})
	workers(len(f.blocks), func(b int) {
		block := f.blocks[b]
		e := &f.kinds[block.kind]
		for p := block.from; p < block.to; p++ {
			like := e.like[p*n : (p+1)*n]
			for j := range like {
				like[j] = 1
			}
			e.logs[p] = 0
			for i, level := range e.patterns[p] {
				if level < 0 {
					continue
				}
				for j, x := range f.tasks[e.tasks[i]].p[int(level)*n : (int(level)+1)*n] {
					like[j] *= x
				}
				if i&3 == 3 {
					e.logs[p] += scaled(like)
				}
			}
			up := e.up[p*q : (p+1)*q]
			f.tree.kinds[block.kind].up(like, up)
			e.logs[p] += scaled(up)
		}
	})
	f.upwards()
	f.logLik = 0
	for _, l := range f.log {
		f.logLik += l
	}
	return f.logLik + f.logPrior()
}

// collect sums what the persons say of tasks and deviations, given the E-step.
func (f *fitting) collect() {
	f.downwards()
	q, n := len(f.tree.theta), len(f.x)
	workers(len(f.kinds), func(k int) {
		e, area := &f.kinds[k], &f.areas[f.area[k]]
		mine := slices.Index(area.kinds, k)
		clear(e.weight)
		for a := range area.count {
			at := int(area.patterns[a*len(area.kinds)+mine])
			if at == 0 {
				continue
			}
			w := e.weight[at*q : (at+1)*q]
			for i, x := range area.message[a*q : (a+1)*q] {
				w[i] += x
			}
		}
	})
	type sums struct {
		counts  [][]float64 // by task: level × node
		squares float64
	}
	blocks := make([]sums, len(f.blocks))
	workers(len(f.blocks), func(b int) { blocks[b].counts, blocks[b].squares = f.collectBlock(f.blocks[b]) })
	for _, t := range f.tasks {
		for _, c := range t.counts {
			clear(c)
		}
	}
	for k := range f.kinds {
		f.kinds[k].squares = 0
	}
	for b, s := range blocks {
		e := &f.kinds[f.blocks[b].kind]
		e.squares += s.squares
		for i, t := range e.tasks {
			for level, c := range f.tasks[t].counts {
				for j, v := range s.counts[i][level*n : (level+1)*n] {
					c[j] += v
				}
			}
		}
	}
}

// collectBlock gives, over the persons of these patterns of an element, how many are expected at
// each node and level of each task, and Σ E[δ²].
func (f *fitting) collectBlock(block block) (counts [][]float64, squares float64) {
	q, n := len(f.tree.theta), len(f.x)
	e, edge := &f.kinds[block.kind], &f.tree.kinds[block.kind]
	counts = make([][]float64, len(e.tasks))
	for i, t := range e.tasks {
		counts[i] = make([]float64, len(f.tasks[t].p))
	}
	joint, x := make([]float64, q*n), make([]float64, n)
	for p := block.from; p < block.to; p++ {
		w, up, like := e.weight[p*q:(p+1)*q], e.up[p*q:(p+1)*q], e.like[p*n:(p+1)*n]
		for i := range w {
			w[i] = ratio(w[i], up[i])
		}
		edge.down(w, x)
		sum := 0.0
		for j := range x {
			x[j] *= like[j]
			sum += x[j]
		}
		if sum == 0 {
			continue
		}
		scale := e.count[p] / sum
		for j := range x {
			x[j] *= scale
		}
		for i, level := range e.patterns[p] {
			if level < 0 {
				continue
			}
			to := counts[i][int(level)*n : (int(level)+1)*n]
			for j, v := range x {
				to[j] += v
			}
		}
		for i, v := range w {
			v *= scale
			lo, hi := edge.lo[i], edge.hi[i]
			to := joint[i*n+lo : i*n+hi]
			for j, l := range like[lo:hi] {
				to[j] += v * l
			}
		}
	}
	for i, theta := range f.tree.theta {
		for j := edge.lo[i]; j < edge.hi[i]; j++ {
			d := f.x[j] - theta
			squares += joint[i*n+j] * edge.p[i*n+j] * d * d
		}
	}
	return counts, squares
}

// slopeOf is the mean slope supposed of a task: a step of a task of many levels
// tells less than a whole 0/1 task.
func slopeOf(mean float64, levels int) float64 { return mean / math.Sqrt(float64(levels)) }

// maximise is the M-step.
func (f *fitting) maximise() {
	f.collect()
	workers(len(f.tasks), func(i int) {
		t := f.tasks[i]
		if t.fixed {
			return
		}
		t.item.Maximise(f.x, t.counts, irt.Prior{A: irt.Normal{Mean: slopeOf(f.slope, len(t.item.D)), SD: slopeSD}, D: irt.Normal{SD: interceptSD}})
	})
	up, down := typicalA/(meanSlopeSD*meanSlopeSD), 1/(meanSlopeSD*meanSlopeSD)
	for _, t := range f.tasks {
		if !t.fixed && !t.held { // A ~ N(slope·c, slopeSD²) with c = 1/√levels
			c := slopeOf(1, len(t.item.D))
			up += c * t.item.A / (slopeSD * slopeSD)
			down += c * c / (slopeSD * slopeSD)
		}
	}
	f.slope = up / down
	if f.persons >= enoughToDeviate {
		f.maximiseDeviations()
	}
	f.maximiseAreas()
}

func (f *fitting) maximiseDeviations() {
	top, bottom := commonWorth, commonWorth/(typicalSD*typicalSD)
	for k := range f.kinds {
		e := &f.kinds[k]
		if e.persons == 0 {
			continue
		}
		v := max(leastSD*leastSD, (e.squares+deviationWorth*f.common)/(e.persons+deviationWorth))
		f.m.Elements[k].SD = math.Sqrt(v)
		top += deviationWorth
		bottom += deviationWorth / v
	}
	f.common = top / bottom
}

// logPrior is the logarithm of the prior density, without constants.
func (f *fitting) logPrior() float64 {
	normal := func(x, mean, sd float64) float64 { z := (x - mean) / sd; return -z * z / 2 }
	sum := normal(f.slope, typicalA, meanSlopeSD)
	for _, t := range f.tasks {
		if t.fixed {
			continue
		}
		if !t.held {
			sum += normal(t.item.A, slopeOf(f.slope, len(t.item.D)), slopeSD)
		}
		for _, d := range t.item.D {
			sum += normal(d, 0, interceptSD)
		}
	}
	// σ_e² scaled inverse χ² around σ², σ² Gamma around typicalSD².
	sum += (commonWorth*math.Log(f.common) - commonWorth*f.common/(typicalSD*typicalSD)) / 2
	for k := range f.kinds {
		if f.kinds[k].persons > 0 {
			v := f.m.Elements[k].SD * f.m.Elements[k].SD
			sum += deviationWorth / 2 * (math.Log(f.common) - math.Log(v) - f.common/v)
		}
	}
	for g, a := range f.m.Areas {
		shape := arealShape{a.Mean, a.SD, a.Loading}
		switch {
		case len(f.m.Areas) > 1:
			sum += supposed.logDensity(shape)
		case f.free[g]:
			sum += regression{n: arealWorth, yy: arealWorth}.logDensity(arealShape{a.Mean, a.SD, 0})
		}
	}
	return sum
}

// vector and set carry all free parameters in the shape in which steps are extrapolated.
func (f *fitting) vector() []float64 {
	v := []float64{f.slope, math.Log(f.common)}
	for _, t := range f.tasks {
		if !t.fixed {
			v = append(v, t.item.A)
			v = append(v, t.item.D...)
		}
	}
	for k := range f.kinds {
		v = append(v, math.Log(f.m.Elements[k].SD))
	}
	for _, a := range f.m.Areas {
		v = append(v, a.Mean, math.Log(a.SD), math.Atanh(a.Loading))
	}
	return v
}

func (f *fitting) set(v []float64) {
	f.slope, f.common = v[0], math.Exp(v[1])
	v = v[2:]
	for _, t := range f.tasks {
		if !t.fixed {
			t.item.A = v[0]
			copy(t.item.D, v[1:])
			v = v[1+len(t.item.D):]
		}
	}
	for k := range f.kinds {
		f.m.Elements[k].SD = math.Exp(v[k])
	}
	v = v[len(f.kinds):]
	for g := range f.m.Areas {
		a := &f.m.Areas[g]
		a.Mean, a.SD, a.Loading = v[3*g], math.Exp(v[3*g+1]), math.Tanh(v[3*g+2])
	}
}

// plausible keeps an extrapolated step where the grid can follow.
func (f *fitting) plausible(v []float64) bool {
	was := f.vector()
	defer f.set(was)
	f.set(v)
	if !(f.common > 1e-3 && f.common < 9) || !(math.Abs(f.slope) < 5) {
		return false
	}
	for _, t := range f.tasks {
		if !(math.Abs(t.item.A) < 8) {
			return false
		}
		for _, d := range t.item.D {
			if !(math.Abs(d) < 40) {
				return false
			}
		}
	}
	for k := range f.kinds {
		if s := f.m.Elements[k].SD; !(s >= leastSD && s < 3) {
			return false
		}
	}
	for _, a := range f.m.Areas {
		if !(math.Abs(a.Mean) < 4) || !(a.SD > 0.1 && a.SD < 4) || !(math.Abs(a.Loading) <= mostLoading) {
			return false
		}
	}
	return true
}

// run climbs to the mode.
func (f *fitting) run() {
	if f.persons == 0 {
		f.done = true
		return
	}
	longest, stretched := 4.0, 0
	value := f.expect()
	for f.cycles < mostCycles {
		v0 := f.vector()
		f.maximise()
		v1 := f.vector()
		f.cycles++
		value1 := f.expect()
		if f.furthest(v0, v1) < fitTolerance {
			moved := false
			if stretched++; stretched <= mostStretches && f.persons >= enoughToDeviate {
				value, moved = f.stretch(value1)
			}
			if f.done = !moved; f.done {
				break
			}
			continue
		}
		f.maximise()
		v2 := f.vector()
		f.cycles++
		r, s := 0.0, 0.0
		for i := range v0 {
			d := v1[i] - v0[i]
			c := v2[i] - v1[i] - d
			r += d * d
			s += c * c
		}
		alpha := 1.0
		if s > 0 {
			alpha = math.Sqrt(r / s)
		}
		capped := alpha > longest
		alpha = min(alpha, longest)
		if alpha <= 1.05 {
			value = f.expect()
			continue
		}
		v := make([]float64, len(v0))
		for i := range v {
			d := v1[i] - v0[i]
			v[i] = v0[i] + 2*alpha*d + alpha*alpha*(v2[i]-v1[i]-d)
		}
		if f.plausible(v) {
			f.set(v)
			if jumped := f.expect(); jumped >= max(value, value1) {
				value = jumped
				if capped {
					longest *= 4
				}
				continue
			}
		}
		longest = max(2, longest/2)
		f.set(v2)
		value = f.expect()
	}
}

// stretch tries other sizes of all deviations together, value being the density now: where
// elements hardly deviate, EM takes ever smaller steps towards 0 and would be stopped far
// from the mode. It answers with the density where it left them.
func (f *fitting) stretch(value float64) (_ float64, moved bool) {
	const worth = 0.1 // in the logarithm of the density: less changes nothing that is said
	for _, factor := range []float64{0.5, 0.75, 1.3} {
		for {
			was := f.vector()
			f.common *= factor * factor
			for k := range f.m.Elements {
				f.m.Elements[k].SD = max(leastSD, f.m.Elements[k].SD*factor)
			}
			if now := f.vector(); f.plausible(now) {
				if density := f.expect(); density > value+worth {
					value, moved = density, true
					continue
				}
			}
			f.set(was)
			break
		}
	}
	return f.expect(), moved
}

// furthest is the largest change of a parameter; of σ_e and σ themselves, not of their
// logarithms: near 0 these have far to go and nothing depends on them.
func (f *fitting) furthest(a, b []float64) float64 {
	first := len(a) - len(f.kinds) - 3*len(f.m.Areas)
	most := 0.0
	for i := range a {
		d := math.Abs(a[i] - b[i])
		switch {
		case i == 1:
			d *= math.Exp(b[i] / 2)
		case i >= first && i < first+len(f.kinds):
			d *= math.Exp(b[i])
		}
		most = max(most, d)
	}
	return most
}
