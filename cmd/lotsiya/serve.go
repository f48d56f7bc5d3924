package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/demo"
)

// drain is how long requests in flight may take to end after SIGTERM.
const drain = 15 * time.Second

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Runs everything: the site, the API, the jobs and, without DATABASE_URL, a private PostgreSQL",
		Args:  cobra.NoArgs,
	}
	listen := cmd.Flags().String("listen", "127.0.0.1:8080", "address to listen on")
	demonstration := cmd.Flags().Bool("demo", false, "fill an empty database with the demonstration region")
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
		return serve(cmd.Context(), *listen, data, *demonstration)
	}
	return cmd
}

// serve runs until ctx ends, then finishes what is in flight and stops its database.
func serve(ctx context.Context, listen string, data *dataFlag, demonstration bool) (err error) {
	listener, err := net.Listen("tcp", listen) // first: a taken port is known before anything is started
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use: stop what listens there, or give another address by --listen", listen)
	case err != nil:
		return fmt.Errorf("cannot listen on %s: %v (give another address by --listen)", listen, unwrapped(err))
	}
	defer listener.Close()

	in, err := openInstallation(ctx, data, alone)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	if _, err := in.migrate(ctx); err != nil {
		return in.explain(err)
	}
	made := false
	if demonstration {
		if made, err = makeRegion(ctx, in); err != nil {
			return in.explain(err)
		}
	}
	a := newApp(in, time.Now)
	if err := a.people.EnsureReference(ctx); err != nil {
		return err
	}
	if made {
		a.people.ShowSignIns(hints)
	}

	server := &http.Server{Handler: a.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()

	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var work sync.WaitGroup
	work.Go(func() { a.jobs.Run(working) })

	fmt.Printf("listening on http://%s\n", listener.Addr())
	if made {
		for _, s := range demo.SignIns() {
			fmt.Printf("sign-in %s %s %s\n", s.Role, s.Login, s.Password)
		}
	}

	var failed <-chan error
	if in.cluster != nil {
		failed = in.cluster.Failed()
	}
	select {
	case <-ctx.Done():
	case err = <-ended:
	case err = <-failed:
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err = errors.Join(err, server.Shutdown(closing))
	stopWork()
	work.Wait()
	return err
}

// unwrapped drops the address that net repeats in its errors.
func unwrapped(err error) error {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err
	}
	return err
}
