package main

import (
	"net/http"
	"time"

	"github.com/lotsiya/lotsiya/diagnostics/campaign"
	"github.com/lotsiya/lotsiya/diagnostics/sitting"
	"github.com/lotsiya/lotsiya/internal/jobs"
	"github.com/lotsiya/lotsiya/web"
)

// app is the whole program over one database: it reads as a table of contents.
type app struct {
	site    *web.Site
	jobs    *jobs.Runner
	handler http.Handler
}

// newApp wires every context to the next; each arrow of the architecture is a line here.
func newApp(in *installation, now func() time.Time) *app {
	a := &app{jobs: jobs.New(in.Pool)}
	a.site = &web.Site{Sessions: web.NewSessions(in.Pool)}

	campaigns := campaign.New(in.Pool, now)
	sittings := sitting.New(in.Pool, now)
	campaigns.OnInvited(sittings.AssignTx)
	campaigns.OnRetimed(sittings.RetimeTx)
	campaigns.OnAnnulled(sittings.AnnulTx)
	campaigns.OnClosed(sittings.CloseCampaignTx)
	a.jobs.Every("close overdue sittings", 5*time.Second, sittings.CloseOverdue)

	engine := a.site.NewEngine()
	mountOperations(engine, in.Pool)
	campaigns.Mount(engine)
	sittings.Mount(engine)
	a.handler = a.site.Handler(engine)
	return a
}
