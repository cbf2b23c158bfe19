//! The system calls no sandboxed command may make: a list of what is denied, with the reason for each group.
//!
//! A deny list, because test suites use nearly everything else; namespaces and Landlock bound what is left.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

use super::{Level, Network};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that reach the kernel's own state or its least tested parts, or look into other processes.
const NEVER: [i64; 48] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_personality,
    libc::SYS_fanotify_init,
];

/// Every flag of `clone` that makes a namespace.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The program for a level and what it lets out.
pub(super) fn program(level: Level, network: Network) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let rules = rules(level, network).map_err(|error| error.to_string())?;
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).map_err(|error| error.to_string())?;
    let listed: BpfProgram =
        filter.try_into().map_err(|error: seccompiler::BackendError| error.to_string())?;
    let mut program = prologue();
    program.extend(listed);
    Ok(program)
}

/// "No such call" for what cannot be judged by its numbers: callers then fall back to the older call, which can.
fn prologue() -> BpfProgram {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let no_such_call = 0x0005_0000 | libc::ENOSYS.cast_unsigned();
    let number = |call: i64| u32::try_from(call).unwrap_or(u32::MAX);
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(LOAD_NUMBER, 0, 0, 0),
        // The x32 calls of x86-64: the same calls under other numbers, which the list would not know.
        step(JUMP_IF_AT_LEAST, 2, 0, 0x4000_0000),
        step(JUMP_IF_EQUAL, 1, 0, number(libc::SYS_clone3)),
        step(JUMP_IF_EQUAL, 0, 1, number(libc::SYS_openat2)),
        step(RETURN, 0, 0, no_such_call),
    ]
}

fn rules(level: Level, network: Network) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    for flag in NAMESPACES {
        let flag = u64::from(flag.cast_unsigned());
        deny_if(&mut rules, libc::SYS_clone, &[(0, Op::MaskedEq(flag), flag)])?;
    }
    set_id_bits(&mut rules)?;
    // Typing into the terminal that started us.
    for request in [0x5412, 0x541c] {
        deny_if(&mut rules, libc::SYS_ioctl, &[(1, Op::Eq, request)])?;
    }
    match (level, network) {
        (Level::Strict | Level::Builtin, Network::None) => {
            allow_families(&mut rules, &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK])?;
        }
        // On the machine's own network, names of unix sockets without a file would be reachable too.
        (Level::Strict | Level::Builtin, Network::Open) => {
            allow_families(&mut rules, &[libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK])?;
        }
        (Level::Landlock, Network::Open) => {
            allow_families(&mut rules, &[libc::AF_INET, libc::AF_INET6])?;
            let datagram = u64::from(libc::SOCK_DGRAM.cast_unsigned());
            deny_if(&mut rules, libc::SYS_socketpair, &[(1, Op::MaskedEq(0xf), datagram)])?;
        }
        (Level::Landlock, Network::None) => {
            // Without a network namespace every socket leads out; pairs of connected ones stay, which cannot.
            rules.insert(libc::SYS_socket, Vec::new());
            rules.insert(libc::SYS_connect, Vec::new());
            let datagram = u64::from(libc::SOCK_DGRAM.cast_unsigned());
            deny_if(&mut rules, libc::SYS_socketpair, &[(1, Op::MaskedEq(0xf), datagram)])?;
        }
    }
    Ok(rules)
}

fn allow_families(rules: &mut Rules, families: &[i32]) -> Result<(), seccompiler::BackendError> {
    let others: Vec<_> =
        families.iter().map(|family| (0, Op::Ne, u64::from(family.cast_unsigned()))).collect();
    deny_if(rules, libc::SYS_socket, &others)
}

/// Set-user-id and set-group-id bits, whichever call would set them.
fn set_id_bits(rules: &mut Rules) -> Result<(), seccompiler::BackendError> {
    let (create, temporary) = (0o100, 0o20_000_000);
    for bit in [0o4000, 0o2000] {
        let set = Op::MaskedEq(bit);
        deny_if(rules, libc::SYS_fchmod, &[(1, set.clone(), bit)])?;
        deny_if(rules, libc::SYS_fchmodat, &[(2, set.clone(), bit)])?;
        deny_if(rules, libc::SYS_fchmodat2, &[(2, set.clone(), bit)])?;
        deny_if(rules, libc::SYS_mknodat, &[(2, set.clone(), bit)])?;
        for flag in [create, temporary] {
            deny_if(rules, libc::SYS_openat, &[(2, Op::MaskedEq(flag), flag), (3, set.clone(), bit)])?;
        }
        #[cfg(target_arch = "x86_64")]
        {
            deny_if(rules, libc::SYS_chmod, &[(1, set.clone(), bit)])?;
            deny_if(rules, libc::SYS_creat, &[(1, set.clone(), bit)])?;
            deny_if(rules, libc::SYS_mknod, &[(1, set.clone(), bit)])?;
            for flag in [create, temporary] {
                deny_if(rules, libc::SYS_open, &[(1, Op::MaskedEq(flag), flag), (2, set.clone(), bit)])?;
            }
        }
    }
    Ok(())
}

/// Denies a call whose arguments meet all conditions: number of the argument, comparison, value.
fn deny_if(
    rules: &mut Rules,
    call: i64,
    conditions: &[(u8, Op, u64)],
) -> Result<(), seccompiler::BackendError> {
    let conditions = conditions
        .iter()
        .map(|(argument, op, value)| SeccompCondition::new(*argument, Len::Dword, op.clone(), *value))
        .collect::<Result<_, _>>()?;
    rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_program_the_kernel_can_take() {
        for level in Level::ALL {
            for network in [Network::None, Network::Open] {
                let program = program(level, network).expect("the list compiles");
                assert!(program.len() < 4096, "{} instructions", program.len());
            }
        }
    }
}
