import { createConfig } from "ponder";
import { parseAbi } from "viem";

const abi = parseAbi([
  "struct TransferInfo { uint32 originDomain; uint32 destinationDomain; uint32 canonicalDomain; address to; address delegate; bool receiveLocal; bytes callData; uint256 slippage; address originSender; uint256 bridgedAmt; uint256 normalizedIn; uint256 nonce; bytes32 canonicalId; }",
  "struct ExecuteArgs { TransferInfo params; address[] routers; bytes[] routerSignatures; address sequencer; bytes sequencerSignature; }",
  "event XCalled(bytes32 indexed transferId, uint256 indexed nonce, bytes32 indexed messageHash, TransferInfo params, address asset, uint256 amount, address local, bytes messageBody)",
  "event Executed(bytes32 indexed transferId, address indexed to, address indexed asset, ExecuteArgs args, address local, uint256 amount, address caller)",
  "event Reconciled(bytes32 indexed transferId, uint32 indexed originDomain, address indexed local, address[] routers, uint256 amount, address caller)",
]);

const chain = (number: 0 | 1) => ({
  id: Number(process.env[`BENCH_CHAIN_ID_${number}`]),
  rpc: process.env[`BENCH_URL_${number}`],
  ethGetLogsBlockRange: Number(process.env.BENCH_BLOCK_RANGE),
});

export default createConfig({
  ordering: "multichain",
  database: { kind: "pglite", directory: process.env.BENCH_FOLDER },
  chains: { first: chain(0), second: chain(1) },
  contracts: {
    Connext: {
      abi,
      address: process.env.BENCH_CONTRACT as `0x${string}`,
      chain: {
        first: { startBlock: 1, endBlock: Number(process.env.BENCH_HEAD_0) },
        second: { startBlock: 1, endBlock: Number(process.env.BENCH_HEAD_1) },
      },
    },
  },
});
