package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jmoiron/sqlx"
	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/roadmap"
	"github.com/lotsiya/lotsiya/roadmap/parse"
	"github.com/lotsiya/lotsiya/web"
)

func roadmapCommand() *cobra.Command {
	return group("roadmap", "Works with roadmap plans", roadmapParseCommand())
}

// roadmapParseCommand reads a plan and prints it as JSON; every fault of a
// broken plan is a line on stderr.
func roadmapParseCommand() *cobra.Command {
	year := 0
	cmd := &cobra.Command{
		Use:   "parse [--year Y] FILE",
		Short: "Reads a plan of measures (txt, md, docx, xlsx; - is stdin) and prints it as JSON",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, in := args[0], io.Reader(os.Stdin)
			if name == "-" {
				name = "stdin"
			} else {
				f, err := os.Open(name)
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			plan, err := parse.File(name, in, year)
			if faults, ok := errors.AsType[parse.Faults](err); ok {
				fmt.Fprintln(os.Stderr, faults)
				return errReported
			}
			if err != nil {
				return err
			}
			for _, w := range plan.Warnings {
				fmt.Fprintln(os.Stderr, w)
			}
			out := json.NewEncoder(os.Stdout)
			out.SetEscapeHTML(false)
			out.SetIndent("", "  ")
			return out.Encode(plan)
		},
	}
	cmd.Flags().IntVar(&year, "year", 0, "year of the plan, where its title does not say it or another is meant")
	return cmd
}

// figurePages says which page shows a figure in full, and who may open it.
var figurePages = map[string]struct {
	href string
	may  access.Permission
}{
	"tasks_approved": {"/tasks", access.TasksRead}, "instruments": {"/instruments", access.TasksRead},
	"campaigns": {"/campaigns", access.CampaignsRead}, "invited": {"/participation", access.ParticipationRead},
	"took_part": {"/participation", access.ParticipationRead}, "coverage": {"/participation", access.ParticipationRead},
	"territories": {"/participation", access.ParticipationRead}, "people_with_deficits": {"/deficits", access.BankRead},
	"records": {"/deficits", access.BankRead}, "other_evidence": {"/deficits", access.BankRead}, "memos_approved": {"/memos", access.MemosRead},
	"routes_proposed": {"/routes", access.RoutesRead}, "routes_agreed": {"/routes", access.RoutesRead},
	"routes_completed": {"/routes", access.RoutesRead}, "with_route": {"/routes", access.RoutesRead},
}

// roadmapOutside gives the roadmap what it asks of other contexts: figures of
// the registry, municipalities, names of those who reported.
func roadmapOutside() roadmap.Outside {
	out := roadmap.Outside{
		Figures: func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, key string, year int) (roadmap.Figure, error) {
			f, err := reports.Figures(ctx, tx, actor, key, year)
			if err != nil {
				return roadmap.Figure{}, err
			}
			var shown roadmap.Figure
			if p, ok := figurePages[key]; ok && actor.May(p.may) {
				shown.Href = p.href
			}
			switch {
			case !f.Known:
				return shown, nil
			case !f.Safe():
				shown.Note = "Меньше пяти человек: не показываем"
				return shown, nil
			}
			shown.Value = f.Text()
			if f.Key.Unit == "%" {
				shown.Share = &f.Value
				if f.Of > 0 {
					shown.Words = "из " + web.Num(f.Of) + " чел."
				}
			}
			return shown, nil
		},
		Territories: func(ctx context.Context, tx *sqlx.Tx) ([]roadmap.Territory, error) {
			refs, err := people.RefsTx(ctx, tx)
			all := make([]roadmap.Territory, len(refs.Territories))
			for i, t := range refs.Territories {
				all[i] = roadmap.Territory{ID: t.ID, Name: t.ShortName}
			}
			return all, err
		},
		Names: func(ctx context.Context, tx *sqlx.Tx, actor access.Actor, why string, ids []access.PersonID) (map[access.PersonID]string, error) {
			names, err := people.NamesTx(ctx, tx, actor, why, ids)
			short := make(map[access.PersonID]string, len(names))
			for id, n := range names {
				short[id] = n.Initials()
			}
			return short, err
		},
	}
	for _, k := range reports.Keys() {
		out.Keys = append(out.Keys, roadmap.Key{Key: k.Key, Title: k.Title, Definition: k.Definition + " Как читать: " + k.Good.Words() + "."})
	}
	return out
}
