package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/lotsiya/lotsiya/internal/access"
	"github.com/lotsiya/lotsiya/people"
)

func peopleCommand() *cobra.Command {
	return group("people", "People from the command line", addAdminCommand())
}

// addAdminCommand lets the first administrator in: everybody else is added on the pages.
func addAdminCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add-admin --login LOGIN --name \"Family Given Patronymic\"",
		Short: "Adds an administrator and prints a one-time password",
		Args:  cobra.NoArgs,
	}
	login := cmd.Flags().String("login", "", "what the administrator signs in with")
	name := cmd.Flags().String("name", "", "full name")
	for _, f := range []string{"login", "name"} {
		_ = cmd.MarkFlagRequired(f)
	}
	data := addDataFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		parsed, err := people.ParseName(*name)
		if err != nil {
			return err
		}
		in, err := openInstallation(ctx, data, beside)
		if err != nil {
			return err
		}
		defer in.Close()
		if _, err := in.migrate(ctx); err != nil {
			return err
		}
		a := newApp(in, time.Now)
		if err := a.people.EnsureReference(ctx); err != nil {
			return err
		}
		password, err := people.NewPassword()
		if err != nil {
			return err
		}
		hash, err := people.HashPassword(password)
		if err != nil {
			return err
		}
		_, err = a.people.AddPeople(ctx, access.System, []people.NewPerson{{Name: parsed, Login: *login, PasswordHash: hash, MustChange: true,
			Grants: []access.Grant{{Role: access.Admin}}}})
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "sign-in admin %s %s\n", *login, password)
		return nil
	}
	return cmd
}
