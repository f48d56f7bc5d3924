package reports

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/internal/db"
	"github.com/lotsiya/lotsiya/internal/fault"
	"github.com/lotsiya/lotsiya/web"
)

// Figure is a figure of the registry with its value.
type Figure struct {
	Key   Key
	Value float64 // a share 0…1 where the unit is "%"
	Known bool    // false: there is nothing to count yet (a share of nobody)
	Of    int64   // persons a share is of; 0 where the figure is no share
	Parts []Part  // by territory, for figures that have a break-down
}

// Part is one territory's part of a figure. Hidden stands for a small group, or
// for one that would give a small group away.
type Part struct {
	Title  string `db:"title"`
	Value  int    `db:"value"`
	Hidden bool
}

// Text is the value as people read it: "1 212", "94 %", "—".
func (f Figure) Text() string {
	switch {
	case !f.Known:
		return "—"
	case f.Key.Unit == "%":
		return web.Pct(f.Value)
	case f.Key.Places > 0:
		return web.Dec(f.Key.Places, f.Value)
	}
	return web.Num(f.Value)
}

// Safe reports whether the figure may be shown: a count of people by their
// results, or a share of people, may not where they are fewer than five.
func (f Figure) Safe() bool {
	switch {
	case f.Key.Unit == "%":
		return f.Of == 0 || f.Of >= Least
	case f.Key.Results:
		return f.Value == 0 || f.Value >= Least
	}
	return true
}

// Figures computes one figure of the registry for a calendar year (0 = all
// years) over the whole region. An unknown key is a NotFound fault.
func Figures(ctx context.Context, tx *sqlx.Tx, actor access.Actor, key string, year int) (Figure, error) {
	return FigureTx(ctx, tx, key, Where{Year: year})
}

// FigureTx computes one figure of the registry. Figures are aggregates that say
// nothing of a person, so they need no permission of their own: the page that
// shows them has it.
func FigureTx(ctx context.Context, tx db.Q, key string, w Where) (f Figure, err error) {
	err = db.Everybody(ctx, tx, func() error {
		f, err = figureTx(ctx, tx, key, w)
		return err
	})
	return f, err
}

func figureTx(ctx context.Context, tx db.Q, key string, w Where) (Figure, error) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Key == key })
	if i < 0 {
		return Figure{}, fault.New(fault.NotFound, "Показателя «%s» нет", key)
	}
	k := keys[i]
	row, err := db.Get[struct {
		Value *float64 `db:"value"`
		Of    *int64   `db:"of"`
	}](ctx, tx, k.query, w.Year, w.Campaign, w.Territory)
	if err != nil {
		return Figure{}, fmt.Errorf("figure %s: %w", key, err)
	}
	f := Figure{Key: k}
	if row.Value != nil {
		f.Value, f.Known = *row.Value, true
	}
	if row.Of != nil {
		f.Of = *row.Of
	}
	if k.parts != "" {
		if f.Parts, err = db.Select[Part](ctx, tx, k.parts, w.Year, w.Campaign, w.Territory); err != nil {
			return Figure{}, fmt.Errorf("parts of figure %s: %w", key, err)
		}
		groups := make([]Group, len(f.Parts))
		for i, p := range f.Parts {
			groups[i] = Group{N: p.Value}
		}
		hidden, _ := Suppress(groups, Least)
		for i := range f.Parts {
			f.Parts[i].Hidden = hidden[i]
		}
	}
	return f, nil
}
