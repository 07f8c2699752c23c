// Command cmd runs the simulators as processes, each alone or all together, to try the operator or curl against services that behave like the
// real ones:
//
//	go run ./test/sim/cmd all
//
// It prints where each simulator listens and a command to try, writes the certificates and credentials that a client needs
// into a directory, and runs until it is interrupted.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// newCommand returns the command with all simulators below it.
func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "sim",
		Short: "Run the simulators of the services that the operator talks to",
		Long: "Run simulators of CAP, STS, OCM and the registries on this machine. Each has a service that behaves like the\n" +
			"real one and a control port over plain HTTP that shows its state, moves its clock and breaks it on purpose.\n" +
			"See test/sim/README.md.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	shared := &sharedFlags{}
	root.PersistentFlags().StringVar(&shared.dir, "dir", "",
		"directory for the certificates and credentials of clients (default: a new one, removed at the end)")

	capFlags, stsFlags, ocmFlags, registryFlags := &capFlags{}, &stsFlags{}, &ocmFlags{}, &registryFlags{}
	one := func(use, short string, add func(*cobra.Command), build func() ([]part, error)) {
		command := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			parts, err := build()
			if err != nil {
				return err
			}
			return shared.run(c.Context(), c.OutOrStdout(), parts)
		}}
		add(command)
		root.AddCommand(command)
	}
	one("cap", "Run the C2S Access Portal", capFlags.add, func() ([]part, error) {
		p, _, err := capFlags.build(shared)
		return []part{p}, err
	})
	one("sts", "Run the AWS Security Token Service, which knows the keys of a CAP simulator", stsFlags.addAlone, func() ([]part, error) {
		p, err := stsFlags.build(shared, nil)
		return []part{p}, err
	})
	one("ocm", "Run OCM with single sign-on, and an account with clusters", ocmFlags.add, func() ([]part, error) {
		p, sim, err := ocmFlags.build(nil)
		if err != nil {
			return nil, err
		}
		return []part{p, proxyPart(sim.Routes)}, nil
	})
	one("registry", "Run quay.io, registry.redhat.io and registry.connect.redhat.com", registryFlags.addAlone, func() ([]part, error) {
		p, sim, err := registryFlags.build(nil, nil)
		if err != nil {
			return nil, err
		}
		return []part{p, proxyPart(sim.Routes)}, nil
	})
	one("all", "Run all of them", func(c *cobra.Command) {
		capFlags.add(c)
		stsFlags.add(c)
		ocmFlags.add(c)
	}, func() ([]part, error) { return buildAll(shared, capFlags, stsFlags, ocmFlags) })
	return root
}

// buildAll prepares every simulator. STS gets its keys from CAP, and both share a clock; the registries get their credentials from OCM, and both have
// certificates of the same CA, because clients trust the real ones by the same roots.
func buildAll(shared *sharedFlags, capFlags *capFlags, stsFlags *stsFlags, ocmFlags *ocmFlags) ([]part, error) {
	capPart, portal, err := capFlags.build(shared)
	if err != nil {
		return nil, err
	}
	stsPart, err := stsFlags.build(shared, portal)
	if err != nil {
		return nil, err
	}
	ca, err := simtls.NewCA("Simulated public services")
	if err != nil {
		return nil, err
	}
	ocmPart, accounts, err := ocmFlags.build(ca)
	if err != nil {
		return nil, err
	}
	registryPart, registries, err := (&registryFlags{}).build(ca, accounts)
	if err != nil {
		return nil, err
	}
	return []part{capPart, stsPart, ocmPart, registryPart, proxyPart(accounts.Routes, registries.Routes)}, nil
}
