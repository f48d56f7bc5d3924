package reports

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestSuppress(t *testing.T) {
	for name, c := range map[string]struct {
		groups []Group
		hidden []bool
		total  bool
	}{
		"nothing small":              {[]Group{{N: 5}, {N: 9}}, []bool{false, false}, false},
		"a small one takes a second": {[]Group{{N: 3}, {N: 9}, {N: 7}}, []bool{true, false, true}, false},
		"two small ones take a third, together they are still few": {[]Group{{N: 2}, {N: 2}, {N: 40}, {N: 6}}, []bool{true, true, false, true}, false},
		"two small ones are enough":                                {[]Group{{N: 4}, {N: 3}, {N: 40}}, []bool{true, true, false}, false},
		"an empty group protects nothing":                          {[]Group{{N: 0}, {N: 3}, {N: 9}}, []bool{false, true, true}, false},
		"alone and small":                                          {[]Group{{N: 3}}, []bool{true}, true},
		"all together small":                                       {[]Group{{N: 2}, {N: 2}}, []bool{true, true}, true},
		"a secret one needs company":                               {[]Group{{N: 8, Secret: true}, {N: 9}, {N: 12}}, []bool{true, true, false}, false},
		"others' rows are company":                                 {[]Group{{N: 3}, {N: 90, Absent: true}}, []bool{true, false}, false},
		"a small rest hides what is shown":                         {[]Group{{N: 30}, {N: 3, Absent: true}}, []bool{true, false}, false},
		"a large rest hides nothing":                               {[]Group{{N: 30}, {N: 300, Absent: true}}, []bool{false, false}, false},
	} {
		hidden, total := Suppress(c.groups, Least)
		if !slices.Equal(hidden, c.hidden) || total != c.total {
			t.Errorf("%s: %v %v, want %v %v", name, hidden, total, c.hidden, c.total)
		}
	}
}

func TestOccupied(t *testing.T) {
	for name, c := range map[string]struct{ counts, want []int }{
		"one class is no distribution": {[]int{0, 9, 0}, nil},
		"empty ends are left out":      {[]int{0, 6, 0, 7, 0}, []int{6, 0, 7}},
	} {
		bins, got := make([]Bin, len(c.counts)), []int(nil)
		for i, n := range c.counts {
			bins[i].N = n
		}
		for _, b := range (Digest{Histogram: bins}).Occupied() {
			got = append(got, b.N)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What an outsider knows: every shown group and the total. So the sum of the
// hidden ones is known, and nothing else about them.
func TestSuppressProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.IntRange(2, 10).Draw(t, "least")
		groups := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Group {
			return Group{N: rapid.IntRange(0, 30).Draw(t, "n"), Secret: rapid.IntRange(0, 9).Draw(t, "s") == 0, Absent: rapid.IntRange(0, 9).Draw(t, "a") == 0}
		}), 0, 20).Draw(t, "groups")
		hidden, total := Suppress(groups, least)
		unseen, nonempty, complement, secret, smallestShown := 0, 0, 0, false, 1<<30
		for i, g := range groups {
			own := g.N > 0 && !g.Absent && (g.N < least || g.Secret)
			switch {
			case hidden[i] && (g.Absent || g.N == 0):
				t.Fatalf("group %d %+v need not be hidden", i, g)
			case own && !hidden[i]:
				t.Fatalf("group %d %+v is shown", i, g)
			}
			if hidden[i] || g.Absent && g.N > 0 {
				unseen += g.N
				nonempty++
				if hidden[i] && !own {
					complement = max(complement, g.N)
				}
			} else if g.N > 0 {
				smallestShown = min(smallestShown, g.N)
			}
			secret = secret || own
		}
		safe := unseen == 0 || unseen >= least && (!secret || nonempty >= 2)
		if safe == total {
			t.Fatalf("the hidden hold %d in %d groups, total hidden: %v", unseen, nonempty, total)
		}
		if complement > smallestShown {
			t.Fatalf("hid a group of %d beside a shown one of %d", complement, smallestShown)
		}
		if total && smallestShown < 1<<30 {
			t.Fatal("gave up with groups still to hide")
		}
	})
}

// The pages of all categories lie side by side: whoever subtracts what they show
// from the page of all participants must not get a group under five.
func TestSiblingsProperties(t *testing.T) {
	categories := []string{"none", "match", "first", "highest"}
	rapid.Check(t, func(t *rapid.T) {
		var members []Member
		territories := rapid.IntRange(1, 6).Draw(t, "territories")
		for territory := range territories {
			for _, c := range categories {
				for range rapid.IntRange(0, 12).Draw(t, "n") {
					members = append(members, Member{Territory: int64(territory), Category: c})
				}
			}
		}
		all, allHidden, noTotal := Query{}.rows(members, func(m Member) int64 { return m.Territory }, func(int64) bool { return true })
		unseen, unseenTotal := map[int64]int{}, 0
		for _, c := range categories {
			n, hidden, total := Query{Category: c}.rows(members, func(m Member) int64 { return m.Territory }, func(int64) bool { return true })
			column, whole := 0, 0
			for id, k := range n {
				whole += k
				if hidden[id] {
					unseen[id] += k
					column += k
				}
			}
			if total {
				unseenTotal += whole
			} else if column > 0 && column < Least {
				t.Fatalf("category %s: %d people by the total less the shown rows", c, column)
			}
		}
		for id, k := range unseen {
			if !allHidden[id] && k > 0 && k < Least {
				t.Fatalf("territory %d of %d people: %d by the page of all less the categories shown", id, all[id], k)
			}
		}
		if !noTotal && unseenTotal > 0 && unseenTotal < Least {
			t.Fatalf("the region: %d people by the page of all less the categories shown", unseenTotal)
		}
	})
}

func TestMergeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 12).Draw(t, "counts")
		bins, sum := make([]Bin, len(counts)), 0
		for i, n := range counts {
			bins[i] = Bin{From: float64(i), To: float64(i + 1), N: n}
			sum += n
		}
		merged, after, edge := Merge(bins, Least), 0, 0.0
		for _, b := range merged {
			if b.N > 0 && b.N < Least && len(merged) > 1 {
				t.Fatalf("class %+v is small", b)
			}
			if b.From != edge {
				t.Fatalf("a gap before %+v", b)
			}
			edge, after = b.To, after+b.N
		}
		if after != sum || edge != float64(len(counts)) {
			t.Fatalf("%d of %d members up to %v", after, sum, edge)
		}
	})
}
