// Command peers compares the operator's cost with that of a minimal program (test/bench/lowerbound) and of others: in turn, on one
// control plane, for several rounds. It prints a table in Markdown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// sizes is a list of numbers on the command line.
type sizes []int

func (s *sizes) String() string { return fmt.Sprint(*s) }

// Set reads such as "7,100".
func (s *sizes) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number of Secrets", part)
		}
		*s = append(*s, n)
	}
	return nil
}

// named is a list of name=value on the command line.
type named [][2]string

func (n *named) String() string { return fmt.Sprint(*n) }

// Set reads one name=value.
func (n *named) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" || value == "" {
		return errors.New("it is not name=value")
	}
	*n = append(*n, [2]string{name, value})
	return nil
}

// config is the configuration of a comparison.
type config struct {
	secrets, foreign  sizes
	rounds, refreshes int
	operators, peers  named
	// steps adds the lower bound with what the operator does beside, a step at a time.
	steps bool
}

func parse(args []string, messages io.Writer) (config, error) {
	c := config{secrets: sizes{7, 100, 1000, 5000}, foreign: sizes{0, 10000}}
	flags := flag.NewFlagSet("bench-peers", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Var(&c.secrets, "secrets", "how many Secrets are refreshed")
	flags.Var(&c.foreign, "foreign", "how many foreign Secrets of 32 KiB there are")
	flags.IntVar(&c.rounds, "rounds", 3, "rounds; each program runs once in each")
	flags.IntVar(&c.refreshes, "refreshes", 2, "refreshes in each turn")
	flags.Var(&c.operators, "operator", "name=path of another build of the operator to compare")
	flags.Var(&c.peers, "peer", "name=command line of another program, which reads KUBECONFIG, PEER_TASK, and the commands \"fill\" and \"refresh\" on its standard input, as test/bench/lowerbound does")
	flags.BoolVar(&c.steps, "steps", false, "add the lower bound with what the operator does beside, a step at a time")
	err := flags.Parse(args)
	return c, err
}

func run(ctx context.Context, args []string, out, messages io.Writer) error {
	c, err := parse(args, messages)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	all, clean, err := programs(ctx, c)
	if err != nil {
		return err
	}
	defer clean()
	if _, err := fmt.Fprint(out, machine()); err != nil {
		return err
	}
	for _, foreign := range c.foreign {
		for _, secrets := range c.secrets {
			s, err := newScene(ctx, secrets, foreign, messages)
			if err != nil {
				return err
			}
			results, err := s.compare(ctx, all, c)
			if err := errors.Join(err, s.close()); err != nil {
				return err
			}
			if _, err := fmt.Fprint(out, table(s, all, results)); err != nil {
				return err
			}
		}
	}
	return nil
}
