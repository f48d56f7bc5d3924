package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// mountOperations adds what those who run the program look at: is it alive, is
// it ready, how is it doing. No figure names a person.
func mountOperations(e *gin.Engine, pool *sqlx.DB) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(pool.DB, "lotsiya"))
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "lotsiya_request_seconds", Help: "Time to answer, by route and status.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}}, []string{"method", "route", "status"})
	queued := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "lotsiya_jobs_waiting", Help: "Jobs that are due and wait."}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		var n float64
		_ = pool.GetContext(ctx, &n, `SELECT count(*) FROM job WHERE state = 'queued' AND run_at <= clock_timestamp()`)
		return n
	})
	registry.MustRegister(took, queued)

	e.Use(func(c *gin.Context) {
		start := time.Now()
		c.Next()
		route := c.FullPath()
		if route == "" {
			route = "none"
		}
		took.WithLabelValues(c.Request.Method, route, strconv.Itoa(c.Writer.Status())).Observe(time.Since(start).Seconds())
	})
	e.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
		defer cancel()
		var migrated bool
		if err := pool.GetContext(ctx, &migrated, `SELECT EXISTS (SELECT FROM goose_db_version WHERE is_applied)`); err != nil || !migrated {
			c.String(http.StatusServiceUnavailable, "the database does not answer\n")
			return
		}
		c.String(http.StatusOK, "ready\n")
	})
	e.GET("/metrics", gin.WrapH(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
}
