package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lotsiya/lotsiya/demo"
	"github.com/lotsiya/lotsiya/people"
)

// makeRegion fills an empty database with the demonstration region; one that a
// kill left unfinished is made anew. It reports whether the region is there.
func makeRegion(ctx context.Context, in *installation) (bool, error) {
	found, err := demo.Look(ctx, in.Pool)
	switch {
	case err != nil || found == demo.Made:
		return err == nil, err
	case found == demo.Foreign:
		fmt.Fprintln(os.Stderr, "the database already holds data of its own: it is left as it is, without the demonstration region")
		return false, nil
	case found == demo.Unfinished:
		fmt.Fprintln(os.Stderr, "the demonstration region was not finished last time: making it anew")
		if err := in.recreate(ctx); err != nil {
			return false, err
		}
	}
	now := time.Now()
	clock := demo.NewClock(now)
	a := newApp(in, clock.Now)
	region := a.region(in, clock)
	bar := progressBar(os.Stderr, "demonstration region")
	region.Progress = func(done float64, _ string) { bar(done) }
	if err := region.Make(ctx, now); err != nil {
		return false, fmt.Errorf("demonstration region: %w", err)
	}
	return true, nil
}

// recreate drops the schema with everything in it and migrates again.
func (in *installation) recreate(ctx context.Context) error {
	owner, err := in.ownerDB(ctx)
	if err != nil {
		return err
	}
	defer owner.Close()
	if _, err := owner.ExecContext(ctx, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`); err != nil {
		return fmt.Errorf("clear the unfinished region: %w", err)
	}
	_, err = in.migrate(ctx)
	return err
}

// hints are the sign-ins as the sign-in page shows them.
func hints(context.Context) []people.SignInHint {
	list := []people.SignInHint{}
	for _, s := range demo.SignIns() {
		list = append(list, people.SignInHint(s))
	}
	return list
}
