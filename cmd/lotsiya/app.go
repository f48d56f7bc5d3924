package main

import (
	"context"
	"net/http"
	"time"

	"github.com/lotsiya/lotsiya/audit"
	"github.com/lotsiya/lotsiya/deficits"
	"github.com/lotsiya/lotsiya/demo"
	"github.com/lotsiya/lotsiya/desk"
	"github.com/lotsiya/lotsiya/diagnostics/assembly"
	"github.com/lotsiya/lotsiya/diagnostics/bank"
	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/competency"
	"github.com/lotsiya/lotsiya/diagnostics/marking"
	"github.com/lotsiya/lotsiya/diagnostics/results"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/memos"
	"github.com/lotsiya/lotsiya/people"
	"github.com/lotsiya/lotsiya/reports"
	"github.com/lotsiya/lotsiya/roadmap"
	"github.com/lotsiya/lotsiya/routes"
	"github.com/lotsiya/lotsiya/web"
)

// app is the whole program over one database: it reads as a table of contents.
type app struct {
	site    *web.Site
	jobs    *jobs.Runner
	handler http.Handler

	people     *people.Service
	competency *competency.Service
	bank       *bank.Service
	assembly   *assembly.Service
	campaigns  *campaign.Service
	sittings   *sitting.Service
	marking    *marking.Service
	results    *results.Service
	deficits   *deficits.Service
	reports    *reports.Service
	memos      *memos.Service
	routes     *routes.Service
	roadmap    *roadmap.Service
	desk       *desk.Service
}

// newApp wires every context to the next; each arrow of the architecture is a line here.
func newApp(in *installation, now func() time.Time) *app {
	a := &app{jobs: jobs.New(in.Pool)}
	a.people = people.New(in.Pool, now)
	a.competency = competency.New(in.Pool, now)
	a.bank = bank.New(in.Pool, now)
	a.assembly = assembly.New(in.Pool, now, a.bank)
	a.campaigns = campaign.New(in.Pool, now)
	a.sittings = sitting.New(in.Pool, now)
	a.marking = marking.New(in.Pool, now, a.sittings.ClosedTx)
	a.results = results.New(in.Pool, now, a.sittings.ClosedTx)
	a.deficits = deficits.New(in.Pool, now)
	a.reports = reports.New(in.Pool, now)
	a.memos = memos.New(in.Pool, now)
	a.routes = routes.New(in.Pool, now, routes.Bank)
	a.roadmap = roadmap.New(in.Pool, now, roadmapOutside())
	a.desk = desk.New(in.Pool, now)

	a.campaigns.OnInvited(a.sittings.AssignTx)
	a.campaigns.OnRetimed(a.sittings.RetimeTx)
	a.campaigns.OnAnnulled(a.sittings.AnnulTx)
	a.campaigns.OnClosed(a.sittings.CloseCampaignTx)
	a.campaigns.OnAnnulled(a.marking.WithdrawTx)
	a.campaigns.OnAnnulled(a.deficits.DropTx)
	a.people.OnConsent(a.sittings.ConsentTx)
	a.people.OnConsent(a.deficits.ConsentTx)
	a.sittings.OnConsent(a.deficits.ConsentTx)
	a.people.OnErase(a.campaigns.EraseTx)
	a.people.OnErase(a.deficits.EraseTx)
	a.people.OnErase(a.routes.EraseTx)
	a.people.OnErase(a.sittings.EraseTx)
	a.sittings.OnClosed(a.marking.OpenTx)
	a.sittings.OnClosed(a.results.ClosedTx)
	a.marking.OnDone(a.results.MarkedTx)
	a.results.OnScored(a.deficits.RefreshTx)
	a.results.OnScored(a.deficits.ScoredTx)
	a.campaigns.OnClosed(a.deficits.FitWhenReadyTx)
	a.deficits.OnFitted(a.results.FittedTx)
	a.deficits.OnRoute(a.routes.RouteOfTx)
	a.results.Link(results.Links{Estimates: a.deficits.EstimatesTx, Model: a.deficits.ModelTx, Fit: a.deficits.RequestFit})
	a.bank.Link(bank.Links{Qualities: a.results.QualitiesTx, Statistics: a.results.TaskStatisticsTx})
	a.jobs.Handle(deficits.FitJob, a.deficits.RunFit)
	a.jobs.Handle(results.RegradeJob, a.results.RunRegrade)
	a.jobs.Handle(results.StatisticsJob, a.results.RunStatistics)
	a.routes.Handle(a.jobs)

	a.jobs.Every("close overdue sittings", 5*time.Second, a.sittings.CloseOverdue)
	a.jobs.Every("seal the journal", time.Minute, func(ctx context.Context) error { _, err := audit.Seal(ctx, in.Pool); return err })
	a.jobs.Every("forget old sessions", time.Hour, func(ctx context.Context) error { return web.SweepSessions(ctx, in.Pool) })
	a.jobs.Every("forget old sign-in failures", time.Hour, a.people.SweepFailures)
	a.jobs.Every("erase after a withdrawal", time.Hour, a.people.EraseDue)
	a.jobs.Every("throw old staff lists away", time.Hour, a.people.SweepStaff)

	a.site = &web.Site{Sessions: web.NewSessions(in.Pool), Visitor: a.people.Visitor, Nav: desk.Nav}
	engine := a.site.NewEngine()
	mountOperations(engine, in.Pool)
	a.people.Mount(engine, a.site)
	a.competency.Mount(engine)
	a.bank.Mount(engine)
	a.assembly.Mount(engine)
	a.campaigns.Mount(engine)
	a.sittings.Mount(engine)
	a.marking.Mount(engine)
	a.results.Mount(engine)
	a.deficits.Mount(engine)
	a.reports.Mount(engine)
	a.memos.Mount(engine)
	a.routes.Mount(engine)
	a.roadmap.Mount(engine)
	a.desk.Mount(engine)
	a.handler = a.site.Handler(engine)
	return a
}

// region is the demonstration region over this app's use cases.
func (a *app) region(in *installation, clock *demo.Clock) *demo.Region {
	return &demo.Region{Pool: in.Pool, Clock: clock, Jobs: a.jobs, People: a.people, Bank: a.bank, Assembly: a.assembly, Campaigns: a.campaigns,
		Sittings: a.sittings, Marking: a.marking, Results: a.results, Deficits: a.deficits, Routes: a.routes, Memos: a.memos, Roadmap: a.roadmap}
}
