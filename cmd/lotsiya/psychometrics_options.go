package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/diagnostics/psychometrics"
	"github.com/lotsiya/lotsiya/diagnostics/psychometrics/ctt"
)

// optionsAnswer is what the command says of each closed item.
type optionsAnswer struct {
	Persons  int           `json:"persons"`
	RowsUsed int           `json:"rows_used"`
	Items    []optionsItem `json:"items"`
	Warnings []string      `json:"warnings"`
}

type optionsItem struct {
	ID      string       `json:"id"`
	Options []ctt.Option `json:"options"`
	Flags   []ctt.Flag   `json:"flags"`
}

// choices are which option each person chose of each item; "" for none.
type choices struct {
	persons, items []string
	chosen         [][]string // by person, by item
}

func readChoices(name string, in io.Reader) (c choices, err error) {
	c.items, err = psychometrics.Grid(name, in, "person", "item", func(_ int, person string, _ []string, cells [][]byte) psychometrics.Faults {
		row := make([]string, len(cells))
		for i, cell := range cells {
			row[i] = string(cell)
		}
		c.persons, c.chosen = append(c.persons, person), append(c.chosen, row)
		return nil
	})
	return c, err
}

// readKey reads item,key rows: the right option of each item.
func readKey(name string, in io.Reader) (map[string]string, error) {
	key := map[string]string{}
	columns, err := psychometrics.Grid(name, in, "item", "key", func(line int, item string, _ []string, cells [][]byte) psychometrics.Faults {
		key[item] = string(cells[0])
		if key[item] == "" {
			return psychometrics.Faults{fmt.Sprintf("%s:%d: item %s has no key, expected the option that is right", name, line, item)}
		}
		return nil
	})
	if err == nil && !slices.Equal(columns, []string{"key"}) {
		err = psychometrics.Faults{fmt.Sprintf("%s:1: the header is item,%s, expected item,key", name, strings.Join(columns, ","))}
	}
	return key, err
}

// scored turns choices into scores by the key: 1 right, 0 wrong, omitted where nothing
// was chosen. Items without a key are left out and named.
func (c choices) scored(key map[string]string) (r *psychometrics.Responses, kept []int) {
	r = &psychometrics.Responses{Persons: c.persons, Warnings: []string{}}
	for i, item := range c.items {
		if key[item] == "" {
			r.Warnings = append(r.Warnings, fmt.Sprintf("item %s has no key and is left out", item))
			continue
		}
		kept, r.Items, r.Max = append(kept, i), append(r.Items, item), append(r.Max, 1)
	}
	for _, row := range c.chosen {
		for _, i := range kept {
			cell := psychometrics.Cell(0)
			switch row[i] {
			case "":
				cell = psychometrics.Omitted
			case key[c.items[i]]:
				cell = 1
			}
			r.Cells = append(r.Cells, cell)
		}
	}
	return r, kept
}

func psychometricsOptionsCommand() *cobra.Command {
	var keys string
	cmd := &cobra.Command{
		Use:   "options --key K.csv CHOICES.csv",
		Short: "Distractor analysis: who chose which option of a closed item",
		Long: `For each option of each item: how many chose it, their share, the correlation of
choosing it with the total less the item (above 0 the stronger choose it: right for the
key, suspect for a distractor), and the share in the lower, middle and upper third.
Flags name distractors that nobody chose, or that draw the strong more than chance would.

CHOICES.csv: header person,<item>,…; a cell is the option chosen, empty for none.
K.csv: header item,key: the option that is right.`,
		Args: filesAnd(1, "key"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := onceStdin(args[0], keys); err != nil {
				return err
			}
			key, err := readFrom(keys, readKey)
			if err != nil {
				return err
			}
			c, err := readFrom(args[0], readChoices)
			if err != nil {
				return err
			}
			r, kept := c.scored(key)
			if len(kept) == 0 {
				return saidFaults(psychometrics.Faults{args[0] + ": no item has a key"})
			}
			a := optionsAnswer{Persons: len(r.Persons), RowsUsed: len(r.Persons), Items: []optionsItem{}, Warnings: r.Warnings}
			for at, i := range kept {
				menu := ctt.Menu{Key: map[string]bool{key[c.items[i]]: true}}
				chosen := make([][]string, len(r.Persons))
				for p, row := range c.chosen {
					if row[i] != "" {
						chosen[p] = []string{row[i]}
						menu.Options = append(menu.Options, row[i])
					}
				}
				menu.Options = append(menu.Options, key[c.items[i]])
				slices.Sort(menu.Options)
				menu.Options = slices.Compact(menu.Options)
				options, flags := ctt.Options(r, at, chosen, menu)
				a.Items = append(a.Items, optionsItem{c.items[i], options, flags})
			}
			return printAnswer(a, a.Warnings)
		},
	}
	cmd.Flags().StringVar(&keys, "key", "", "CSV of right options, item,key")
	return cmd
}
