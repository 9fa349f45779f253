/* The shell: `command args`, joined by ; & |, with < > >> redirections. `sh -c LINE` runs one line.
   Parsing is in place: operators become string ends, words become argv. */
#include "user.h"

#define WORDS 16
#define STAGES 8

struct stage { char *argv[WORDS]; int argc; char *input, *output; int output_flags; };

static int last_status;

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }
static bool is_operator(char c) { return c == '<' || c == '>' || c == '|' || c == ';' || c == '&'; }

/* Cuts one word; *end gets the character that ended it, which the string end replaces. */
static char *next_word(char **p, char *end)
{
    while (is_space(**p))
        ++*p;
    char *word = *p;
    while (**p && !is_space(**p) && !is_operator(**p))
        ++*p;
    *end = **p;
    return word;
}

static bool complain(const char *why)
{
    print_to(2, "sh: %s\n", why);
    last_status = STATUS_EXITED(2);
    return false;
}

/* Parses up to the end of one stage; *operator gets what ends it: | ; & or 0. */
static bool parse_stage(char **p, struct stage *stage, char *operator)
{
    char **target = 0;
    memset(stage, 0, sizeof *stage);
    for (;;) {
        char end, *word = next_word(p, &end);
        if (*p != word) {
            if (target)
                *target = word;
            else if (stage->argc == WORDS - 1)
                return complain("too many words");
            else
                stage->argv[stage->argc++] = word;
            target = 0;
        } else if (target) {
            return complain("a file name is missing");
        }
        if (end)
            *(*p)++ = 0;
        if (end == '<') {
            target = &stage->input;
        } else if (end == '>') {
            target = &stage->output;
            stage->output_flags = O_WRITE | O_CREATE | (**p == '>' ? O_APPEND : O_TRUNCATE);
            *p += **p == '>';
        } else if (!is_space(end)) {
            *operator = end;
            return target ? complain("a file name is missing") : true;
        }
    }
}

static void redirect(const char *path, int flags, int target)
{
    int descriptor = open(path, flags);
    if (descriptor < 0) {
        print_to(2, "sh: %s: error %d\n", path, -descriptor);
        exit(1);
    }
    dup2(descriptor, target);
    close(descriptor);
}

static void run_stage(struct stage *stage, int input, int output)
{
    static char path[PATH_LENGTH] = "/bin/";
    const char *name = stage->argv[0];
    if (input >= 0)
        dup2(input, 0);
    if (output >= 0)
        dup2(output, 1);
    for (int i = 3; i < 16; i++)
        close(i);
    if (stage->input)
        redirect(stage->input, O_READ, 0);
    if (stage->output)
        redirect(stage->output, stage->output_flags, 1);
    bool searched = true;
    for (const char *c = name; *c; c++)
        searched &= *c != '/';
    if (searched && strlen(name) < sizeof path - 5)
        strcpy(path + 5, name);
    int error = exec(searched ? path : name, stage->argv);
    print_to(2, "sh: %s: %s\n", name, error == -ENOENT ? "not found" : "cannot run");
    exit(127);
}

static bool builtin(const struct stage *stage)
{
    if (strcmp(stage->argv[0], "exit") == 0 || strcmp(stage->argv[0], "poweroff") == 0)
        exit(stage->argc > 1 ? atoi(stage->argv[1]) : 0);
    if (strcmp(stage->argv[0], "wait") == 0) {
        while (waitpid(-1, &last_status, 0) > 0)
            ;
        return true;
    }
    return false;
}

/* Runs the stages of one pipeline; their pipes connect each to the next. */
static void run_pipeline(struct stage *stages, int count, bool background)
{
    int pids[STAGES], input = -1;
    for (int i = 0; i < count; i++) {
        int ends[2] = { -1, -1 };
        if (i + 1 < count && pipe(ends) < 0) {
            complain("no pipe");
            count = i;
            break;
        }
        pids[i] = fork();
        if (pids[i] == 0)
            run_stage(&stages[i], input, ends[1]);
        if (pids[i] < 0)
            complain("cannot fork");
        close(input);
        close(ends[1]);
        input = ends[0];
    }
    close(input);
    for (int i = 0; i < count && !background; i++)
        if (pids[i] > 0)
            waitpid(pids[i], &last_status, 0);
}

static void run_line(char *p)
{
    static struct stage stages[STAGES];
    while (*p) {
        char operator = '|';
        int count = 0;
        while (operator == '|') {
            if (count == STAGES) {
                complain("too long a pipeline");
                return;
            }
            if (!parse_stage(&p, &stages[count], &operator))
                return;
            if (stages[count].argc == 0 && (count > 0 || operator == '|')) {
                complain("a command is missing");
                return;
            }
            count++;
        }
        if (stages[0].argc == 0)
            continue;
        if (count > 1 || operator == '&' || !builtin(&stages[0]))
            run_pipeline(stages, count, operator == '&');
    }
}

int main(int argc, char **argv)
{
    static char line[512];
    if (argc > 2 && strcmp(argv[1], "-c") == 0) {
        run_line(argv[2]);
        return last_status >> 8;
    }
    for (;;) {
        int status, got;
        while (waitpid(-1, &status, WAIT_NOHANG) > 0)
            ;
        print("$ ");
        got = read(0, line, sizeof line - 1);
        if (got <= 0)
            return 0;
        line[got] = 0;
        run_line(line);
    }
}
