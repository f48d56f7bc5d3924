package cat

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/irt"
)

// cells is into how many stretches the grid is cut for the search of the most
// informative item.
const cells = 80

// A Bank is items under settings, with all that can be worked out before a test.
type Bank struct {
	Settings Settings
	Items    []irt.Item

	nodes   []float64
	prior   []float64     // density × trapezoid weight
	chances [][][]float64 // item × score × node: P(score | node)
	info    [][]float64   // item × node, by the integral rules alone
	domain  []int         // item → index into Settings.Content, −1 none
	lo, hi  float64
	// By cell: 0/1 items by falling upper bound of their information within the cell.
	// Walking the list, the search ends as soon as the next bound is under the best
	// found: the answer is exact, and few items are looked at.
	bounds [cells][]bound
	always []int // items of several points, whose information may have several tops
}

type bound struct {
	most float64
	item int
}

// NewBank prepares items; ids must differ. Errors name what is wrong.
func NewBank(items []irt.Item, s Settings) (*Bank, error) {
	s, err := s.complete()
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("the bank has no items")
	}
	b := &Bank{Settings: s, Items: items, lo: s.PriorMean - s.Reach*s.PriorSD, hi: s.PriorMean + s.Reach*s.PriorSD}
	b.nodes = irt.Nodes(s.Points, b.lo, b.hi)
	b.prior = make([]float64, s.Points)
	step := (b.hi - b.lo) / float64(s.Points-1)
	for q, x := range b.nodes {
		z := (x - s.PriorMean) / s.PriorSD
		b.prior[q] = math.Exp(-z*z/2) / (s.PriorSD * math.Sqrt(2*math.Pi)) * trapezoid(q, s.Points) * step
	}
	seen := map[string]bool{}
	for i := range items {
		it := &items[i]
		if seen[it.ID] {
			return nil, fmt.Errorf("item %s stands twice in the bank", it.ID)
		}
		seen[it.ID] = true
		if it.Max() > 1 && (s.Rule == BOpt || s.Rule == ThOpt) {
			return nil, fmt.Errorf("item %s has %d points, the rule %s is of 0/1 items", it.ID, it.Max(), s.Rule)
		}
		table := make([][]float64, it.Max()+1)
		for k := range table {
			table[k] = make([]float64, s.Points)
		}
		p := make([]float64, it.Max()+1)
		for q, x := range b.nodes {
			it.Probabilities(x, p)
			for k := range p {
				table[k][q] = p[k]
			}
		}
		b.chances = append(b.chances, table)
		at := slices.IndexFunc(s.Content, func(c Share) bool { d, ok := s.Domains[it.ID]; return ok && c.Domain == d })
		if at < 0 && len(s.Content) > 0 {
			return nil, fmt.Errorf("item %s is of domain %q, which has no share", it.ID, s.Domains[it.ID])
		}
		b.domain = append(b.domain, at)
		if s.Rule == MLWI || s.Rule == MPWI {
			row := make([]float64, s.Points)
			for q, x := range b.nodes {
				row[q] = it.Information(x)
			}
			b.info = append(b.info, row)
		}
	}
	if s.Rule == MFI {
		b.prepareBounds()
	}
	return b, nil
}

// trapezoid is ½ at the ends of a grid, else 1.
func trapezoid(q, points int) float64 {
	if q == 0 || q == points-1 {
		return 0.5
	}
	return 1
}

// peak is where a 0/1 item informs most: aθ + d = ln((1 + √(1 + 8c)) / 2). Source: Birnbaum (1968).
func peak(it *irt.Item) float64 {
	return (math.Log((1+math.Sqrt(1+8*it.C))/2) - it.D[0]) / it.A
}

// prepareBounds works out each 0/1 item's largest information in each cell: it has one
// top, so it is that top where it lies in the cell, else the nearer edge.
func (b *Bank) prepareBounds() {
	for i := range b.Items {
		if b.Items[i].Max() > 1 {
			b.always = append(b.always, i)
		}
	}
	width := (b.hi - b.lo) / cells
	for c := range b.bounds {
		from, to := b.lo+float64(c)*width, b.lo+float64(c+1)*width
		list := make([]bound, 0, len(b.Items))
		for i := range b.Items {
			it := &b.Items[i]
			if it.Max() > 1 {
				continue
			}
			most := 0.0
			if it.A != 0 {
				most = it.Information(max(from, min(to, peak(it)))) * (1 + 1e-9)
			}
			list = append(list, bound{most, i})
		}
		slices.SortStableFunc(list, func(x, y bound) int { return cmp.Compare(y.most, x.most) })
		b.bounds[c] = list
	}
}

// candidate is an item with the value of the rule; more is better.
type candidate struct {
	item  int
	value float64
}

// best keeps the n candidates of the largest value, the best first; among equals the
// earlier item.
type best struct {
	n    int
	list []candidate
}

func (l *best) add(c candidate) {
	if math.IsNaN(c.value) {
		return
	}
	at, _ := slices.BinarySearchFunc(l.list, c, func(a, b candidate) int {
		if a.value != b.value {
			return cmp.Compare(b.value, a.value)
		}
		return cmp.Compare(a.item, b.item)
	})
	if at < l.n {
		l.list = slices.Insert(l.list, at, c)[:min(l.n, len(l.list)+1)]
	}
}

// least is the value that a newcomer must reach.
func (l *best) least() float64 {
	if len(l.list) < l.n {
		return math.Inf(-1)
	}
	return l.list[len(l.list)-1].value
}

// informative gives the n most informative of the items that may be taken, at theta.
func (b *Bank) informative(theta float64, n int, may func(item int) bool) []candidate {
	top := best{n: n}
	cell := int(math.Floor((theta - b.lo) / (b.hi - b.lo) * cells))
	if theta == b.hi {
		cell = cells - 1
	}
	if cell < 0 || cell >= cells {
		for i := range b.Items {
			if may(i) {
				top.add(candidate{i, b.Items[i].Information(theta)})
			}
		}
		return top.list
	}
	for _, i := range b.always {
		if may(i) {
			top.add(candidate{i, b.Items[i].Information(theta)})
		}
	}
	for _, bd := range b.bounds[cell] {
		if bd.most < top.least() {
			break
		}
		if may(bd.item) {
			top.add(candidate{bd.item, b.Items[bd.item].Information(theta)})
		}
	}
	return top.list
}
