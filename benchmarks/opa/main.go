// Times OPA as a library: tasks in, figures and answers out, as benchmarks/worker.py does for the Python engines.
//
//	opa-bench STORE TASKS      STORE: default, or read (what OPA calls optimised for read speed)
//
// TASKS holds one task a line (benchmarks/tasks.py says what is in it); one line of figures is printed for each.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

// A Task names what to load, what to ask and for how long.
type Task struct {
	ID          string            `json:"id"`
	Modules     map[string]string `json:"modules"`
	Version     int               `json:"version"`
	Query       string            `json:"query"`
	Data        string            `json:"data"`
	DataFile    string            `json:"data_file"`
	Inputs      []string          `json:"inputs"`
	InputsFile  string            `json:"inputs_file"`
	Seconds     float64           `json:"seconds"`
	Most        int               `json:"most"`
	WritePath   []string          `json:"write_path"`
	WriteFile   string            `json:"write_file"`
	CompileOnly bool              `json:"compile_only"`
}

// Figures are what became of a task.
type Figures struct {
	ID        string            `json:"id"`
	CompileMS float64           `json:"compile_ms"`
	LoadS     float64           `json:"load_s"`
	FirstUS   float64           `json:"first_us"`
	US        float64           `json:"us"`
	LeastUS   float64           `json:"least_us"`
	DecodedUS float64           `json:"decoded_us"`
	Decisions int               `json:"decisions"`
	Answers   []json.RawMessage `json:"answers"`
	WriteUS   float64           `json:"write_us"`
	LoadedMB  float64           `json:"loaded_mb"`
	PeakMB    float64           `json:"peak_mb"`
	Error     string            `json:"error,omitempty"`
}

const passUS = 10_000

var undefined = json.RawMessage(`"(undefined)"`)

func main() {
	file, err := os.Open(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<28)
	for lines.Scan() {
		var task Task
		figures := &Figures{Answers: []json.RawMessage{}}
		if err := json.Unmarshal(lines.Bytes(), &task); err != nil {
			figures.Error = err.Error()
		} else if err := run(os.Args[1] == "read", task, figures); err != nil {
			figures.Error = err.Error()
		}
		out, err := json.Marshal(figures)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(string(out))
	}
}

func run(read bool, task Task, figures *Figures) error {
	ctx := context.Background()
	figures.ID = task.ID
	began := time.Now()
	version := ast.RegoV1
	if task.Version == 0 {
		version = ast.RegoV0
	}
	modules := map[string]*ast.Module{}
	for name, text := range task.Modules {
		module, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{RegoVersion: version})
		if err != nil {
			return err
		}
		modules[name] = module
	}
	compiler := ast.NewCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return compiler.Errors
	}
	figures.CompileMS = since(began) / 1e3
	if task.CompileOnly {
		return nil
	}
	began = time.Now()
	text := []byte(task.Data)
	if task.DataFile != "" {
		var err error
		if text, err = os.ReadFile(task.DataFile); err != nil {
			return err
		}
	}
	data := map[string]any{}
	if len(text) > 0 {
		if err := util.UnmarshalJSON(text, &data); err != nil {
			return err
		}
	}
	text = nil
	store := inmem.NewFromObjectWithOpts(data, inmem.OptReturnASTValuesOnRead(read), inmem.OptRoundTripOnWrite(false))
	query, err := rego.New(rego.Query(task.Query), rego.Compiler(compiler), rego.Store(store)).PrepareForEval(ctx)
	if err != nil {
		return err
	}
	figures.LoadS = time.Since(began).Seconds()
	data = nil
	figures.LoadedMB = status("VmRSS:")
	inputs := make([][]byte, 0, len(task.Inputs))
	for _, input := range task.Inputs {
		inputs = append(inputs, []byte(input))
	}
	if task.InputsFile != "" {
		text, err := os.ReadFile(task.InputsFile)
		if err != nil {
			return err
		}
		inputs = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	}
	if task.Most > 0 && len(inputs) > task.Most {
		inputs = inputs[:task.Most]
	}
	if err := decide(ctx, query, inputs, task.Seconds, figures); err != nil {
		return err
	}
	if task.WriteFile != "" {
		if err := write(ctx, store, task, figures); err != nil {
			return err
		}
	}
	figures.PeakMB = status("VmHWM:")
	return nil
}

// decide asks for every input, again and again: from bytes to bytes, then with the input decoded beforehand.
func decide(ctx context.Context, query rego.PreparedEvalQuery, inputs [][]byte, seconds float64, figures *Figures) error {
	answer := func(input []byte) ([]byte, error) {
		var value any
		if err := util.UnmarshalJSON(input, &value); err != nil {
			return nil, err
		}
		results, err := query.Eval(ctx, rego.EvalInput(value))
		if err != nil || len(results) == 0 {
			return undefined, err
		}
		return json.Marshal(results[0].Expressions[0].Value)
	}
	began := time.Now()
	if _, err := answer(inputs[0]); err != nil {
		return err
	}
	figures.FirstUS = since(began)
	began = time.Now()
	for _, input := range inputs {
		text, err := answer(input)
		if err != nil {
			return err
		}
		figures.Answers = append(figures.Answers, text)
		if since(began) > seconds*1e6 {
			break
		}
	}
	spent := since(began)
	inputs = inputs[:len(figures.Answers)]
	figures.Decisions = len(inputs)
	more, took, least, err := again(len(inputs), seconds*1e6-spent, func(i int) error {
		_, err := answer(inputs[i])
		return err
	})
	if err != nil {
		return err
	}
	figures.Decisions += more
	figures.US = (spent + took) / float64(figures.Decisions)
	figures.LeastUS = min(least, spent/float64(len(inputs)))

	decoded := make([]ast.Value, len(inputs))
	for i, input := range inputs {
		if decoded[i], err = ast.ValueFromReader(bytes.NewReader(input)); err != nil {
			return err
		}
	}
	_, _, figures.DecodedUS, err = again(len(inputs), seconds*1e6, func(i int) error {
		_, err := query.Eval(ctx, rego.EvalParsedInput(decoded[i]))
		return err
	})
	return err
}

// again makes passes over all inputs for a time: how many decisions, how long, and a decision of the quickest pass.
// A pass lasts some ten milliseconds at least, so that what a language does now and then counts in each.
func again(inputs int, us float64, decide func(int) error) (decisions int, spent, least float64, err error) {
	turns := 1
	began := time.Now()
	for decisions == 0 || since(began) < us {
		start := time.Now()
		for range turns {
			for i := range inputs {
				if err := decide(i); err != nil {
					return 0, 0, 0, err
				}
			}
		}
		took := since(start)
		if took < passUS/2 && decisions == 0 {
			turns = max(turns+1, int(float64(turns)*passUS/took))
			continue
		}
		decisions += turns * inputs
		spent += took
		if each := took / float64(turns*inputs); least == 0 || each < least {
			least = each
		}
	}
	return decisions, spent, least, nil
}

// write puts one document at many new places, a transaction each; the least time counts.
func write(ctx context.Context, store storage.Store, task Task, figures *Figures) error {
	text, err := os.ReadFile(task.WriteFile)
	if err != nil {
		return err
	}
	for i := range 50 {
		began := time.Now()
		var value any
		if err := util.UnmarshalJSON(text, &value); err != nil {
			return err
		}
		path := append(storage.Path(task.WritePath), "written-"+strconv.Itoa(i))
		if err := storage.WriteOne(ctx, store, storage.AddOp, path, value); err != nil {
			return err
		}
		if took := since(began); i == 0 || took < figures.WriteUS {
			figures.WriteUS = took
		}
	}
	return nil
}

func since(began time.Time) float64 { return float64(time.Since(began).Nanoseconds()) / 1e3 }

// status reads a size of this process, in MB, after what nobody needs has been given back.
func status(name string) float64 {
	if name == "VmRSS:" {
		runtime.GC()
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			size, _ := strconv.ParseFloat(fields[1], 64)
			return size / 1024
		}
	}
	return 0
}
