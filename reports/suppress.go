package reports

import "slices"

// Least is the smallest group whose result may be shown.
const Least = 5

// Group is one row of a table whose total is shown too.
type Group struct {
	N      int  // members
	Secret bool // may not be computed, whatever its size: a small rest would give itself away
	Absent bool // not shown at all, and not to be protected more than others (another's territory)
}

// Suppress says which groups to hide so that no small group can be read or
// computed as the total less what is shown.
//
// A group of 1…least−1 members, or a Secret one, is hidden. If anything of that
// kind is hidden, the hidden groups together must be at least two and hold at
// least least members, for their sum is known to anybody who can subtract; the
// smallest shown groups are hidden with them until that is so. Absent groups
// count as hidden ones, and their sum may not be small either. Empty groups hold
// nobody: they are never hidden and protect nothing. total reports that even
// hiding every group is not enough: then the total must not be shown.
func Suppress(groups []Group, least int) (hidden []bool, total bool) {
	hidden = make([]bool, len(groups))
	sum, count, secret := 0, 0, false
	for i, g := range groups {
		switch {
		case g.N <= 0:
		case g.Absent:
			sum += g.N
			count++
		case g.N < least || g.Secret:
			hidden[i], secret = true, true
			sum += g.N
			count++
		}
	}
	order := make([]int, len(groups))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return groups[a].N - groups[b].N })
	enough := func() bool {
		if sum == 0 {
			return true
		}
		return sum >= least && (!secret || count >= 2)
	}
	for _, i := range order {
		if enough() {
			return hidden, false
		}
		if g := groups[i]; g.N > 0 && !g.Absent && !hidden[i] {
			hidden[i] = true
			sum += g.N
			count++
		}
	}
	return hidden, !enough()
}

// Bin is a class of a distribution: members whose value lies in [From, To).
type Bin struct {
	From, To float64
	N        int
}

// Merge joins neighbouring classes of a distribution until each holds nobody or
// at least least members, keeping as many classes as that allows by joining the
// smallest offender with its smaller neighbour. If all members together are
// fewer than least, one class is left and the caller must not show it.
func Merge(bins []Bin, least int) []Bin {
	out := slices.Clone(bins)
	for len(out) > 1 {
		worst := -1
		for i, b := range out {
			if b.N > 0 && b.N < least && (worst < 0 || b.N < out[worst].N) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		with := worst - 1
		if worst == 0 || worst+1 < len(out) && nearer(out[worst+1], out[worst-1]) {
			with = worst + 1
		}
		a, b := min(worst, with), max(worst, with)
		out[a] = Bin{From: out[a].From, To: out[b].To, N: out[a].N + out[b].N}
		out = slices.Delete(out, b, b+1)
	}
	return out
}

// nearer prefers a neighbour with members, then the one with fewer of them.
func nearer(a, b Bin) bool {
	if (a.N > 0) != (b.N > 0) {
		return a.N > 0
	}
	return a.N < b.N
}
