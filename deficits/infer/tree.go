package infer

import (
	"math"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// The model is a tree of abilities, every edge normal:
//
//	η  →  θ_g = μ_g + s_g(λ_g·η + √(1−λ_g²)·ε_g)  →  x_e = θ_g + δ_e  →  tasks
//
// η ~ N(0,1) is what all areas share, θ_g the ability in area g, x_e the ability in
// element e, δ_e ~ N(0, σ_e²). Correlations of areas are λ_g·λ_h. Given θ_g the elements
// are independent, given η the areas, so every sum runs over one edge at a time: the
// dimension reduction of bifactor and testlet models (Gibbons & Hedeker 1992;
// Bradlow, Wainer & Wang 1999; Cai 2010) one level deeper, exact for any number
// of areas and elements.

// A grid holds the nodes of θ (and η) and of x; the nodes of θ are among those of x.
type grid struct {
	theta, x []float64
	step     float64 // of x
}

func newGrid(thetaStep float64, finer int) grid {
	const endTheta, endX = 6.0, 7.2
	n := int(math.Round(endTheta / thetaStep))
	step := thetaStep / float64(finer)
	m := int(math.Round(endX / step))
	return grid{irt.Nodes(2*n+1, -float64(n)*thetaStep, float64(n)*thetaStep), irt.Nodes(2*m+1, -float64(m)*step, float64(m)*step), step}
}

// Grids: to fit, and to say something of a person (finer, so that probabilities are smooth).
var (
	fitGrid   = newGrid(0.5, 2)
	inferGrid = newGrid(0.4, 4)
)

// An edge is a row-stochastic matrix from nodes to nodes, kept within the band where
// it is not negligible.
type edge struct {
	p      []float64 // len(from) × width
	width  int       // len(to)
	lo, hi []int     // by row
}

// newEdge gives P(to | from) of N(mean + slope·from, sd²) on the nodes. Rows add up to 1:
// as sd falls under the step the row becomes one node, without a jump.
func newEdge(from, to []float64, mean, slope, sd float64) edge {
	const far = 6.5 // standard deviations: exp(−21)
	e := edge{make([]float64, len(from)*len(to)), len(to), make([]int, len(from)), make([]int, len(from))}
	step := to[1] - to[0]
	for i, x := range from {
		row := e.p[i*e.width : (i+1)*e.width]
		at := mean + slope*x
		lo := min(len(to)-1, max(0, int(math.Ceil((at-far*sd-to[0])/step-0.5))))
		hi := max(lo+1, min(len(to), int(math.Floor((at+far*sd-to[0])/step+0.5))+1))
		// The nearest node is the yardstick: no row underflows.
		near := math.Abs(to[min(hi-1, max(lo, int(math.Round((at-to[0])/step))))] - at)
		sum := 0.0
		for j := lo; j < hi; j++ {
			d := to[j] - at
			row[j] = math.Exp(-(d - near) * (d + near) / (2 * sd * sd))
			sum += row[j]
		}
		for j := lo; j < hi; j++ {
			row[j] /= sum
		}
		e.lo[i], e.hi[i] = lo, hi
	}
	return e
}

// newDeviation gives P(x | θ) of x = θ + δ where the nodes of θ are among those of x: the
// density is needed at whole steps alone.
func newDeviation(g grid, d deviation) edge {
	n := len(g.x)
	table := make([]float64, n)
	for k := range table {
		z := float64(k) * g.step / d.sd
		if d.freedom > 0 && d.freedom < 60 { // as good as normal from there
			table[k] = math.Exp(-(d.freedom + 1) / 2 * math.Log1p(z*z/d.freedom))
		} else {
			table[k] = math.Exp(-z * z / 2)
		}
	}
	reach := n
	for reach > 1 && table[reach-1] < 1e-10 {
		reach--
	}
	e := edge{make([]float64, len(g.theta)*n), n, make([]int, len(g.theta)), make([]int, len(g.theta))}
	finer := int(math.Round((g.theta[1] - g.theta[0]) / g.step))
	first := int(math.Round((g.theta[0] - g.x[0]) / g.step))
	for i := range g.theta {
		at := first + i*finer
		row, lo, hi := e.p[i*n:(i+1)*n], max(0, at-reach+1), min(n, at+reach)
		sum := 0.0
		for j := lo; j < hi; j++ {
			row[j] = table[max(j-at, at-j)]
			sum += row[j]
		}
		for j := lo; j < hi; j++ {
			row[j] /= sum
		}
		e.lo[i], e.hi[i] = lo, hi
	}
	return e
}

// up fills out[i] = Σ_j P[i,j]·f[j].
func (e *edge) up(f, out []float64) {
	for i := range out {
		lo, hi := e.lo[i], e.hi[i]
		row, g := e.p[i*e.width+lo:i*e.width+hi], f[lo:hi]
		sum := 0.0
		for j, p := range row {
			sum += p * g[j]
		}
		out[i] = sum
	}
}

// down fills out[j] = Σ_i P[i,j]·w[i].
func (e *edge) down(w, out []float64) {
	clear(out)
	for i, x := range w {
		if x == 0 {
			continue
		}
		lo, hi := e.lo[i], e.hi[i]
		row, o := e.p[i*e.width+lo:i*e.width+hi], out[lo:hi]
		for j, p := range row {
			o[j] += x * p
		}
	}
}

// scaled divides by the largest value and gives its logarithm; what has underflowed
// altogether says nothing any more.
func scaled(f []float64) float64 {
	most := 0.0
	for _, x := range f {
		most = max(most, x)
	}
	if most == 0 {
		for i := range f {
			f[i] = 1
		}
		return underflow
	}
	for i := range f {
		f[i] /= most
	}
	return math.Log(most)
}

// An arealShape is the distribution of θ_g given η.
type arealShape struct{ mean, sd, loading float64 }

// A deviation is the distribution of δ_e: normal, or, where its sd is itself known only
// from so many degrees of freedom, Student's t; freedom 0 is normal.
type deviation struct{ sd, freedom float64 }

// A tree is the edges at given shapes.
type tree struct {
	grid
	root  []float64 // weights of η on the θ nodes
	areas []edge    // η → θ_g; with one area none: root is θ's own weights
	kinds []edge    // θ → x by element
	area  []int     // of each element
	n     int       // areas
}

func newTree(g grid, areas []arealShape, area []int, deviations []deviation) *tree {
	t := &tree{grid: g, area: area, n: len(areas), kinds: make([]edge, len(deviations))}
	if t.n == 1 {
		t.root = irt.NormalWeights(g.theta, areas[0].mean, areas[0].sd)
	} else {
		t.root = irt.NormalWeights(g.theta, 0, 1)
		for _, a := range areas {
			t.areas = append(t.areas, newEdge(g.theta, g.theta, a.mean, a.sd*a.loading, a.sd*math.Sqrt(1-a.loading*a.loading)))
		}
	}
	same := map[deviation]edge{}
	for e, d := range deviations {
		known, ok := same[d]
		if !ok {
			known = newDeviation(g, d)
			same[d] = known
		}
		t.kinds[e] = known
	}
	return t
}

// A beliefs is the room for one person's sums over the tree.
type beliefs struct {
	post [][]float64 // by area: P(θ_g | all answers) on the nodes

	areal, message [][]float64
	root, tmp      []float64
}

func (t *tree) newBeliefs() *beliefs {
	b := &beliefs{root: make([]float64, len(t.theta)), tmp: make([]float64, len(t.theta))}
	for range t.n {
		b.post = append(b.post, make([]float64, len(t.theta)))
		b.areal = append(b.areal, make([]float64, len(t.theta)))
		b.message = append(b.message, make([]float64, len(t.theta)))
	}
	return b
}

// person passes messages up and down. u gives, by element, the likelihood of the
// element's answers at each θ (its largest value 1, nil without evidence).
func (t *tree) person(u [][]float64, b *beliefs) {
	for g := range t.n {
		for q := range b.areal[g] {
			b.areal[g][q] = 1
		}
	}
	for e, f := range u {
		if f == nil {
			continue
		}
		a := b.areal[t.area[e]]
		for q, x := range f {
			a[q] *= x
		}
		if e&7 == 7 { // long products are kept from underflow
			scaled(a)
		}
	}
	for g := range t.n {
		scaled(b.areal[g])
	}
	if t.n == 1 {
		bayes(t.root, b.areal[0], b.post[0])
		return
	}
	copy(b.root, t.root)
	for g := range t.areas {
		t.areas[g].up(b.areal[g], b.message[g])
		scaled(b.message[g])
		for q, x := range b.message[g] {
			b.root[q] *= x
		}
		if g&15 == 15 {
			scaled(b.root)
		}
	}
	normalise(b.root)
	for g := range t.areas {
		down := b.tmp
		for q, w := range b.root {
			down[q] = ratio(w, b.message[g][q])
		}
		t.areas[g].down(down, b.post[g])
		for q := range b.post[g] {
			b.post[g][q] *= b.areal[g][q]
		}
		normalise(b.post[g])
	}
}

// bayes fills post ∝ prior·like and gives the logarithm of its sum.
func bayes(prior, like, post []float64) float64 {
	for q, p := range prior {
		post[q] = p * like[q]
	}
	return normalise(post)
}

// normalise makes p add up to 1 and gives the logarithm of what it added up to. Where
// all of it has underflowed (answers that contradict one another beyond what numbers hold)
// nothing is known: p is even.
func normalise(p []float64) float64 {
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	if !(sum > 0) {
		for i := range p {
			p[i] = 1 / float64(len(p))
		}
		return underflow
	}
	for i := range p {
		p[i] /= sum
	}
	return math.Log(sum)
}

// underflow stands for the logarithm of a likelihood too small for a number.
const underflow = -700.0

// ratio is a/b, 0 where b has underflowed.
func ratio(a, b float64) float64 {
	if b < 1e-290 {
		return 0
	}
	return a / b
}
