// Answers cases as `opa eval` answers them, many in one process: a case as a line of JSON in, its answer as a line out.
//
//	opa-driver WORKERS
//
// Answers come in the order in which they are found; each has the id of its case. A case on which OPA itself breaks
// (a panic, a time-out, a result that is no JSON) has `broken` in the place of an answer. Where OPA runs out of its
// stack, which Go does not survive, or does not stop, or takes too much memory, the process ends without an answer to that case and to those
// after it.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/loader"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/topdown/print"
	"github.com/open-policy-agent/opa/v1/util"
)

const patience = 5 * time.Second
const deepest = 256 << 20
const most = 3 << 30

type asked struct {
	ID            int      `json:"id"`
	Modules       []string `json:"modules"`
	Data          string   `json:"data"`
	Input         *string  `json:"input"`
	Query         string   `json:"query"`
	Strict        bool     `json:"strict"`
	StrictCompile bool     `json:"strict_compile"`
	Version       int      `json:"version"`
	Now           int64    `json:"now"`
}

type fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Row     int    `json:"row"`
	Col     int    `json:"col"`
}

// answer holds each result as JSON text: an array of the bindings and of the values of the expressions.
type answer struct {
	ID      int      `json:"id"`
	Results []string `json:"results,omitempty"`
	Errors  []fault  `json:"errors,omitempty"`
	Printed []string `json:"printed,omitempty"`
	Broken  string   `json:"broken,omitempty"`
}

type printed struct{ lines []string }

func (p *printed) Print(_ print.Context, line string) error {
	p.lines = append(p.lines, line)
	return nil
}

func faultAt(code, message string, place *ast.Location) fault {
	found := fault{Code: code, Message: message}
	if place != nil {
		found.Row, found.Col = place.Row, place.Col
	}
	return found
}

// faults takes an error apart the way in which the command line does.
func faults(err error) []fault {
	var found []fault
	switch e := err.(type) {
	case *ast.Error:
		return []fault{faultAt(e.Code, e.Message, e.Location)}
	case *topdown.Error:
		return []fault{faultAt(e.Code, e.Message, e.Location)}
	case *storage.Error:
		return []fault{{Code: e.Code, Message: e.Message}}
	case ast.Errors:
		for _, one := range e {
			found = append(found, faults(one)...)
		}
	case rego.Errors:
		for _, one := range e {
			found = append(found, faults(one)...)
		}
	case loader.Errors:
		for _, one := range e {
			found = append(found, faults(one)...)
		}
	default:
		if inner := errors.Unwrap(err); inner != nil {
			for _, one := range faults(inner) {
				if one.Code != "" {
					return faults(inner)
				}
			}
		}
		return []fault{{Message: err.Error()}}
	}
	return found
}

func solve(ctx context.Context, a asked, out *printed) (rego.ResultSet, error) {
	version := ast.RegoV1
	if a.Version == 0 {
		version = ast.RegoV0
	}
	capabilities := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(version))
	options := []func(*rego.Rego){
		rego.Query(a.Query),
		rego.SetRegoVersion(version),
		rego.Capabilities(capabilities),
		rego.StackTraces(true),
		rego.EnablePrintStatements(true),
		rego.PrintHook(out),
		rego.Strict(a.StrictCompile),
		rego.StrictBuiltinErrors(a.Strict),
	}
	var refused ast.Errors
	for i, text := range a.Modules {
		name := fmt.Sprintf("test-%d.rego", i)
		parsed, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{
			ProcessAnnotation: true, RegoVersion: version, Capabilities: capabilities,
		})
		var several ast.Errors
		if errors.As(err, &several) {
			refused = append(refused, several...)
		} else if err != nil {
			return nil, err
		} else {
			options = append(options, rego.ParsedModule(parsed))
		}
	}
	if len(refused) > 0 {
		return nil, refused
	}
	var data map[string]any
	if err := util.UnmarshalJSON([]byte(a.Data), &data); err != nil {
		return nil, err
	}
	options = append(options, rego.Store(inmem.NewFromObject(data)))
	if a.Input != nil {
		var input any
		if err := util.UnmarshalJSON([]byte(*a.Input), &input); err != nil {
			return nil, err
		}
		value, err := ast.InterfaceToValue(input)
		if err != nil {
			return nil, err
		}
		options = append(options, rego.ParsedInput(value))
	}
	query, err := rego.New(options...).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	if a.Now != 0 {
		return query.Eval(ctx, rego.EvalTime(time.Unix(0, a.Now).UTC()))
	}
	return query.Eval(ctx)
}

func answerTo(a asked) (given answer) {
	defer func() {
		if panicked := recover(); panicked != nil {
			given = answer{ID: a.ID, Broken: fmt.Sprint(panicked)}
		}
	}()
	watch := time.AfterFunc(2*patience, func() { os.Exit(3) })
	defer watch.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out printed
	results, err := solve(ctx, a, &out)
	given = answer{ID: a.ID, Printed: out.lines}
	if ctx.Err() != nil {
		given.Broken = ctx.Err().Error()
	} else if err != nil {
		given.Errors = faults(err)
	} else {
		for _, one := range results {
			values := []any{one.Bindings}
			for _, e := range one.Expressions {
				values = append(values, e.Value)
			}
			text, err := json.Marshal(values)
			if err != nil {
				return answer{ID: a.ID, Broken: err.Error()}
			}
			given.Results = append(given.Results, string(text))
		}
	}
	return given
}

func line(given answer) []byte {
	var buffer bytes.Buffer
	if err := json.NewEncoder(&buffer).Encode(given); err != nil {
		buffer.Reset()
		_ = json.NewEncoder(&buffer).Encode(answer{ID: given.ID, Broken: err.Error()})
	}
	return buffer.Bytes()
}

// giveUpAt ends the process where a case makes OPA hold more memory than that: OPA bounds none of its own, and the
// machine has others on it.
func giveUpAt(most uint64) {
	var held runtime.MemStats
	for range time.Tick(200 * time.Millisecond) {
		if runtime.ReadMemStats(&held); held.HeapAlloc > most {
			fmt.Fprintln(os.Stderr, "a case needs too much memory")
			os.Exit(1)
		}
	}
}

func main() {
	debug.SetMaxStack(deepest)
	go giveUpAt(most)
	workers, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	todo := make(chan asked, workers)
	done := make(chan []byte, workers)
	var working, writing sync.WaitGroup
	for range workers {
		working.Go(func() {
			for a := range todo {
				done <- line(answerTo(a))
			}
		})
	}
	writing.Go(func() {
		for text := range done {
			_, _ = os.Stdout.Write(text)
		}
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var a asked
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		todo <- a
	}
	close(todo)
	working.Wait()
	close(done)
	writing.Wait()
}
